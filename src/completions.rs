//! Completions that know the domains: clap's scripts, with a question to `list` where a domain is named.

use clap_complete::Shell;

use crate::cli;

/// Asks for the names, and nothing where there are none.
const NAMES: &str = "browndog list --all --name 2>/dev/null";

/// The completion script for `shell`.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    // The generator panics on a write error, so it writes into memory.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::definition(), "browndog", &mut text);
    match String::from_utf8(text) {
        Ok(script) => with_domains(shell, script).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// Verbs, and their aliases, whose first word is a domain.
fn verbs() -> Vec<String> {
    let definition = cli::definition();
    let takes_domain = |verb: &&clap::Command| {
        let mut words = verb.get_positionals();
        words.next().is_some_and(|word| word.get_id() == "domain")
    };
    let mut verbs = Vec::new();
    for verb in definition.get_subcommands().filter(takes_domain) {
        verbs.push(verb.get_name().to_owned());
        verbs.extend(verb.get_visible_aliases().map(str::to_owned));
    }
    verbs
}

fn with_domains(shell: Shell, mut script: String) -> String {
    match shell {
        Shell::Bash => {
            for verb in verbs() {
                let block =
                    format!("browndog__subcmd__{})\n            opts=\"", verb.replace('-', "__subcmd__"));
                script = script.replace(&block, &format!("{block}$({NAMES}) "));
            }
            script
        }
        Shell::Zsh => {
            let script = script
                .replace(":domain -- Name or uuid:_default", ":domain -- Name or uuid:_browndog_domains");
            let function = format!(
                "(( $+functions[_browndog_domains] )) ||\n_browndog_domains() {{\n    local -a domains\n    \
                 domains=(${{(f)\"$({NAMES})\"}})\n    compadd -a domains\n}}\n\n"
            );
            script.replacen("_browndog() {", &format!("{function}_browndog() {{"), 1)
        }
        Shell::Fish => {
            let condition = format!("__fish_browndog_using_subcommand {}", verbs().join(" "));
            script + &format!("complete -c browndog -n \"{condition}\" -f -a \"({NAMES})\"\n")
        }
        // These are completed without the names.
        _ => script,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Shell::Bash, "start)\n            opts=\"$(browndog list --all --name")]
    #[case(Shell::Zsh, ":domain -- Name or uuid:_browndog_domains")]
    #[case(Shell::Fish, "(browndog list --all --name 2>/dev/null)")]
    fn a_domains_name_is_completed(#[case] shell: Shell, #[case] part: &str) {
        let script = String::from_utf8(script(shell)).unwrap();
        assert!(script.contains(part), "{part}");
    }

    #[test]
    fn every_verb_of_a_domain_asks_for_names() {
        let script = String::from_utf8(script(Shell::Bash)).unwrap();
        let verbs = cli::definition()
            .get_subcommands()
            .filter(|verb| verb.get_positionals().next().is_some_and(|word| word.get_id() == "domain"))
            .count();
        assert_eq!(script.matches(NAMES).count(), verbs);
        assert!(verbs > 20, "{verbs}");
    }
}

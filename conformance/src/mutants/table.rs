//! The table of mutants: a line each on the terminal, and a page for the repository.

use std::collections::BTreeMap;

use super::{Fate, Mutant};

/// More names than these say no more.
const NAMES_MOST: usize = 8;

fn first(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(140).collect()
}

fn names(list: &[String]) -> String {
    match list.len().checked_sub(NAMES_MOST) {
        Some(more @ 1..) => format!("{} and {more} more", list[..NAMES_MOST].join(" ")),
        _ => list.join(" "),
    }
}

/// One line.
pub fn line(fate: &Fate) -> String {
    let word = match fate {
        Fate { broke: Some(why), .. } => format!("caught, it is the guest's end: {}", first(why)),
        Fate { refused: Some(why), .. } => format!("refused: {}", first(why)),
        Fate { caught_by, .. } if !caught_by.is_empty() => format!("caught by {}", names(caught_by)),
        _ => match fate.equivalent() {
            Some(why) => format!("equivalent: {why}"),
            None => "SURVIVED".to_owned(),
        },
    };
    format!("{:<56} {word}", fate.mutant.word)
}

/// How many of each fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// All.
    pub all: usize,
    /// A check failed, or the guest was lost.
    pub caught: usize,
    /// Nothing started.
    pub refused: usize,
    /// No check can see it, for a reason that is written down.
    pub equivalent: usize,
    /// None of these.
    pub survived: usize,
}

/// Counts.
pub fn sum(fates: &[Fate]) -> Sum {
    let count = |test: &dyn Fn(&Fate) -> bool| fates.iter().filter(|f| test(f)).count();
    Sum {
        all: fates.len(),
        caught: count(&|f| f.refused.is_none() && f.noticed()),
        refused: count(&|f| f.refused.is_some()),
        equivalent: count(&|f| f.equivalent().is_some()),
        survived: count(&Fate::survived),
    }
}

/// The sum in words.
pub fn sum_line(fates: &[Fate]) -> String {
    let Sum { all, caught, refused, equivalent, survived } = sum(fates);
    format!(
        "{all} mutants: {caught} caught, {refused} refused by the runtime or the kernel, {equivalent} equivalent, \
         {survived} survived"
    )
}

/// The page: `conformance/MUTANTS.md`.
pub fn page(mutants: &[Mutant], fates: &[Fate], kernel: &str) -> String {
    let mut out = String::from(
        "# Mutants\n\nWritten by `browndog conformance mutants --report`; do not edit. Every fault that can be seeded \
         into a plan of\na scene, and what noticed it: the checks of the first scene that did, in the order of the \
         catalogue.\n*Refused*: the runtime or the kernel did not start with it, so that no weaker container came to \
         be.\n*Equivalent*: no observation tells it from the sound runtime, for the reason given.\n\n",
    );
    out.push_str(&format!("Kernel {kernel}, control groups version 2. {}.\n\n", sum_line(fates)));
    let missing = mutants.len() - fates.len();
    if missing > 0 {
        out.push_str(&format!(
            "{missing} more have not been run yet: `--results FILE --resume` goes on.\n\n"
        ));
    }
    out.push_str("| mutant | noticed by |\n| --- | --- |\n");
    for mutant in mutants {
        let Some(fate) = fates.iter().find(|f| f.mutant.word == mutant.word) else {
            out.push_str(&format!("| `{}` | not run yet |\n", mutant.word));
            continue;
        };
        let word = match fate {
            Fate { broke: Some(why), .. } => format!("the guest, which is lost: {}", first(why)),
            Fate { refused: Some(why), .. } => format!("*refused*: {}", reason(why)),
            Fate { caught_by, .. } if !caught_by.is_empty() => names(caught_by),
            _ => {
                fate.equivalent().map_or_else(|| "**survived**".into(), |why| format!("*equivalent*: {why}"))
            }
        };
        out.push_str(&format!("| `{}` | {} |\n", fate.mutant.word, word.replace('|', "\\|")));
    }
    out
}

/// What the runtime said, without what changes from run to run.
fn reason(why: &str) -> String {
    let text = why.split("error: ").nth(1).or_else(|| why.split("; ").nth(1)).unwrap_or(why);
    first(text)
}

/// The mutants of a page, each with its text.
pub fn read(page: &str) -> BTreeMap<String, String> {
    let rows =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    rows.map(|(word, text)| (word.to_owned(), text.to_owned())).collect()
}

/// What a page has that the list has not, and the other way round, in words.
pub fn stale<'a>(page: &str, words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let page = read(page);
    let words: std::collections::BTreeSet<&str> = words.collect();
    let gone =
        page.keys().filter(|w| !words.contains(w.as_str())).map(|w| format!("{w} is no mutant any more"));
    let new = words.iter().filter(|w| !page.contains_key(**w)).map(|w| format!("{w} is not in the table"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    fn fate(word: &str) -> Fate {
        Fate::of(&Mutant { word: word.into(), scenes: vec!["plain".into()] })
    }

    #[test]
    fn a_page_says_each_fate_and_is_read_back() {
        let caught = Fate { caught_by: vec!["pid-01".into()], ..fate("skip:a") };
        let refused = Fate { refused: Some("x; error: the step | fails\nmore".into()), ..fate("skip:b") };
        let fates = [caught, refused, fate("skip:c")];
        let mut mutants: Vec<Mutant> = fates.iter().map(|f| f.mutant.clone()).collect();
        assert_eq!(sum(&fates), Sum { all: 3, caught: 1, refused: 1, equivalent: 0, survived: 1 });
        let text = page(&mutants, &fates, "6.12");
        let read = read(&text);
        assert_eq!(read["skip:a"], "pid-01");
        assert_eq!(read["skip:b"], "*refused*: the step \\| fails");
        assert_eq!(read["skip:c"], "**survived**");
        assert_eq!(stale(&text, ["skip:a", "skip:b", "skip:c"].into_iter()), Vec::<String>::new());
        assert_eq!(
            stale(&text, ["skip:a", "skip:b", "skip:d"].into_iter()),
            ["skip:c is no mutant any more", "skip:d is not in the table"]
        );
        mutants.push(fate("skip:d").mutant);
        assert!(page(&mutants, &fates, "6.12").contains("1 more have not been run yet"));
    }
}

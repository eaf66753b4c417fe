//! The nearest known name to a wrong one.

/// The candidate that `name` most probably meant: the same but for case, or few edits away.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > 64 {
        return None;
    }
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let lower = name.to_ascii_lowercase();
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= allowed && distance < candidate.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// What is added to a complaint about `name`: the nearest of `candidates`, or nothing.
pub(crate) fn suggestion(name: &str, candidates: &[&str]) -> String {
    let near = nearest(name, candidates.iter().copied()).filter(|near| *near != name);
    near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"))
}

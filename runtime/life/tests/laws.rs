//! The laws of packets and of files of the state hold for the seeds of the fuzz targets and for what they have found:
//! whole, cut anywhere, with bytes exchanged; and for any bytes.

use std::path::{Path, PathBuf};

use browndog_life::laws;
use browndog_life::protocol::{Packet, Reply};
use browndog_life::record::Record;
use proptest::prelude::*;

const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

/// Every file of the seeds of this target, and of what was found by it.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let fuzz = Path::new(MANIFEST).join("../../fuzz");
    let files = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let found = files(fuzz.join("regressions"));
    let found = found.filter(|entry| entry.file_name().to_string_lossy().starts_with(target));
    let mut paths: Vec<PathBuf> =
        files(fuzz.join("seeds").join(target)).chain(found).map(|entry| entry.path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are seeds of {target}");
    paths.into_iter().map(|path| std::fs::read(path).expect("a seed can be read")).collect()
}

fn any_cut(target: &str, law: fn(&[u8]), step: usize) {
    for seed in seeds(target) {
        (0..seed.len()).step_by(step).for_each(|length| law(&seed[..length]));
        law(&seed);
        law(&[&seed[..], &seed[..]].concat());
        law(&[&seed[..], &vec![b' '; 100_000]].concat());
    }
}

#[test]
fn the_seeds_are_understood() {
    let understood = |seed: &&Vec<u8>| {
        matches!(Packet::of(seed, false), Packet::Request(Ok(_))) || Reply::of(seed).is_some()
    };
    let packets = seeds("protocol");
    // All but what is typed at a terminal, and a window.
    assert_eq!(packets.iter().filter(understood).count(), packets.len() - 2);
    let record = |seed: &&Vec<u8>| serde_json::from_slice::<Record>(&seed[1..]).is_ok();
    assert_eq!(seeds("state").iter().filter(record).count(), 7);
}

#[test]
fn packets_of_the_seeds_hold_cut_anywhere() {
    any_cut("protocol", laws::packet, 1);
}

#[test]
fn files_of_the_seeds_hold_cut_anywhere() {
    any_cut("state", laws::state, 7);
}

/// A seed, some bytes of which are others.
fn hurt(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let seeds = seeds(target);
    let hurts = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(seeds), hurts).prop_map(|(mut bytes, hurts)| {
        for (index, byte) in hurts {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// A seed with a number in the place of one of its numbers.
fn numbered(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        Just(-1_i128),
        Just(0),
        Just(i128::from(u64::MAX)),
        Just(1 << 31),
        any::<i64>().prop_map(i128::from)
    ];
    (prop::sample::select(seeds(target)), any::<prop::sample::Index>(), number).prop_map(
        |(bytes, index, number)| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let digits: Vec<usize> =
                text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
            if digits.is_empty() {
                return bytes;
            }
            let at = digits[index.index(digits.len())];
            format!("{}{number}{}", &text[..at], &text[at + 1..]).into_bytes()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn packets_that_were_hurt_hold(bytes in prop_oneof![hurt("protocol"), numbered("protocol")]) {
        laws::packet(&bytes);
    }

    #[test]
    fn files_that_were_hurt_hold(bytes in prop_oneof![hurt("state"), numbered("state")]) {
        laws::state(&bytes);
    }

    #[test]
    fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
        laws::packet(&bytes);
        laws::state(&bytes);
    }
}

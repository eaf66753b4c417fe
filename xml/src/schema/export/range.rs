//! Ranges of numbers as regular expressions.

/// What the decimal numbers from `low` to `high` have in common, leading zeros allowed.
pub(super) fn expression(low: i128, high: i128) -> String {
    let mut ways = Vec::new();
    if low < 0 {
        ways.push(format!("-0*({})", between((-high).max(0), -low)));
    }
    if high >= 0 {
        ways.push(format!("0*({})", between(low.max(0), high)));
    }
    ways.join("|")
}

/// For numbers that are not below zero.
fn between(low: i128, high: i128) -> String {
    let mut ways = Vec::new();
    let mut from = low;
    while from <= high {
        // As many last digits as possible are free: up to where the range ends, or the next power of ten.
        let mut step = 1;
        while from > 0
            && from % (step * 10) == 0
            && from + step * 10 - 1 <= high
            && digits(from) == digits(from + step * 10 - 1)
        {
            step *= 10;
        }
        // And as many values of the digit before them.
        let unit = from / step % 10;
        let mut last = unit;
        while last < 9
            && from + (last + 1 - unit + 1) * step - 1 <= high
            && digits(from) == digits(from + (last + 1 - unit) * step)
        {
            last += 1;
        }
        ways.push(way(from, step, unit, last));
        from += (last - unit + 1) * step;
    }
    ways.join("|")
}

fn digits(number: i128) -> usize {
    number.to_string().len()
}

fn way(from: i128, step: i128, unit: i128, last: i128) -> String {
    let free = digits(step) - 1;
    let fixed = from / step / 10;
    let head = if fixed == 0 { String::new() } else { fixed.to_string() };
    let class = if unit == last { unit.to_string() } else { format!("[{unit}-{last}]") };
    let tail = match free {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        free => format!("[0-9]{{{free}}}"),
    };
    format!("{head}{class}{tail}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::expression;

    fn takes(low: i128, high: i128, text: &str) -> bool {
        let form = format!("^(?:{})$", expression(low, high));
        regex_lite::Regex::new(&form).expect("the expression is one").is_match(text)
    }

    #[test]
    fn the_ends_are_in_and_their_neighbours_are_not() {
        for (low, high) in [
            (0, 0),
            (0, 9),
            (1, 65_535),
            (100, 1000),
            (0, i128::from(u64::MAX)),
            (-1, 65_535),
            (10, 255),
            (-20, -3),
        ] {
            for (number, is_in) in [(low - 1, false), (low, true), (high, true), (high + 1, false)] {
                assert_eq!(takes(low, high, &number.to_string()), is_in, "{number} in {low} to {high}");
            }
        }
        assert!(takes(1, 9, "007") && !takes(1, 9, "0") && !takes(1, 9, "+1") && !takes(1, 9, " 1"));
    }

    proptest! {
        #[test]
        fn an_expression_takes_its_range(a in -3000_i128..3000, b in -3000_i128..3000, number in -4000_i128..4000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert_eq!(takes(low, high, &number.to_string()), (low..=high).contains(&number));
        }
    }
}

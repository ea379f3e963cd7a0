//! A fold over the last n values, for every row, at a constant cost a row.

/// Folds each window of `length` items with `combine`, which need be associative only: nothing is ever taken out of a
/// sum again, so no error is carried from one window to the next. The result for items 0 … length − 1 comes first; there
/// is none where items are too few.
///
/// Items are cut into blocks of `length`: a window is the end of one block and the begin of the next, both folded before.
pub fn rolling<T: Copy>(items: &[T], length: usize, combine: impl Fn(T, T) -> T) -> Vec<T> {
    let mut folded = Vec::with_capacity((items.len() + 1).saturating_sub(length));
    // Of the block before, from each item to its end; in the order of items.
    let mut ends: Vec<T> = Vec::new();
    for block in items.chunks(length.max(1)) {
        let mut begin = None;
        for (at, item) in block.iter().enumerate() {
            let sum = begin.map_or(*item, |begin| combine(begin, *item));
            begin = Some(sum);
            match ends.get(at + 1) {
                Some(end) => folded.push(combine(*end, sum)),
                None if at + 1 == length => folded.push(sum),
                None => {}
            }
        }
        ends.clear();
        let mut end = None;
        for item in block.iter().rev() {
            let sum = end.map_or(*item, |end| combine(*item, end));
            end = Some(sum);
            ends.push(sum);
        }
        ends.reverse();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::rolling;

    #[test]
    fn it_is_a_fold_over_each_window() {
        let items: Vec<String> = (0..57).map(|number| format!("{number},")).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        for length in 1..=60 {
            // Not commutative, so that the order is seen; leaked, since folds are of what can be copied.
            let join = |one: &'static str, other: &'static str| -> &'static str { format!("{one}{other}").leak() };
            let leaked: Vec<&'static str> =
                items.iter().map(|item| -> &'static str { item.to_string().leak() }).collect();
            let expected: Vec<String> = items.windows(length).map(<[&str]>::concat).collect();
            assert_eq!(rolling(&leaked, length, join), expected, "{length}");
        }
    }
}

//! The order of components.

use std::collections::BTreeSet;

/// An order in which every item comes after all that it needs, and otherwise as given; or else a cycle: each item of it needs
/// the next, and the last needs the first.
pub(super) fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<BTreeSet<usize>> = needs.iter().map(|n| n.iter().copied().collect()).collect();
    let mut waiting: BTreeSet<usize> = (0..needs.len()).collect();
    let mut ordered = Vec::with_capacity(needs.len());
    while let Some(next) = waiting.iter().copied().find(|&i| missing[i].is_empty()) {
        waiting.remove(&next);
        ordered.push(next);
        for set in &mut missing {
            set.remove(&next);
        }
    }
    let Some(&first) = waiting.first() else { return Ok(ordered) };
    // everything that still waits needs something that waits too: following that must come round
    let mut path = vec![first];
    loop {
        let Some(next) = path.last().and_then(|&last| missing[last].first().copied()) else { return Err(path) };
        if let Some(start) = path.iter().position(|&seen| seen == next) {
            return Err(path.split_off(start));
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_needs_nothing_keeps_its_place() {
        assert_eq!(order(&[vec![], vec![3], vec![], vec![]]), Ok(vec![0, 2, 3, 1]));
    }

    #[test]
    fn a_cycle_is_shown_as_a_path() {
        assert_eq!(order(&[vec![1], vec![2], vec![1], vec![]]), Err(vec![1, 2]));
        assert_eq!(order(&[vec![0]]), Err(vec![0]));
    }

    proptest! {
        #[test]
        fn everything_comes_after_what_it_needs(needs in graphs()) {
            match order(&needs) {
                Ok(ordered) => {
                    let place = |i: usize| ordered.iter().position(|&o| o == i).unwrap();
                    prop_assert_eq!(ordered.len(), needs.len());
                    for (i, all) in needs.iter().enumerate() {
                        for &n in all {
                            prop_assert!(place(n) < place(i));
                        }
                    }
                }
                Err(cycle) => {
                    for (i, &from) in cycle.iter().enumerate() {
                        prop_assert!(needs[from].contains(&cycle[(i + 1) % cycle.len()]));
                    }
                }
            }
        }
    }

    fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
        (1_usize..9).prop_flat_map(|n| prop::collection::vec(prop::collection::vec(0..n, 0..3), n))
    }
}

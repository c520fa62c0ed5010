//! Which worker serves which queues of a link.

use super::checks::Queues;

/// The queues of one worker, at the inside and at the outside end. It sends by the first of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) inside: Vec<u32>,
    pub(super) outside: Vec<u32>,
}

/// Shares the queues of a link out to workers.
///
/// There are as many workers as the end with the fewest queues has, `most` at most; worker `w` serves
/// queue `w` at both ends, and the queues `w + n`, `w + 2n`, … that an end has beyond. So every
/// queue is served, no queue by two, and a worker always has a queue to send by at either end:
/// the kernel refuses to send by a number beyond the send queues, hence those count too.
pub(super) fn share_out(inside: Queues, outside: Queues, most: usize) -> Vec<Plan> {
    let fewest = [inside.rx, inside.tx, outside.rx, outside.tx]
        .into_iter()
        .min()
        .unwrap_or(1);
    let workers = fewest.min(u32::try_from(most).unwrap_or(u32::MAX)).max(1);
    let of = |first: u32, end: Queues| {
        (first..end.rx)
            .step_by(workers as usize)
            .collect::<Vec<_>>()
    };
    (0..workers)
        .map(|worker| Plan {
            inside: of(worker, inside),
            outside: of(worker, outside),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(inside: (u32, u32), outside: (u32, u32), most: usize) -> Vec<(Vec<u32>, Vec<u32>)> {
        let queues = |(rx, tx)| Queues { rx, tx };
        share_out(queues(inside), queues(outside), most)
            .into_iter()
            .map(|plan| (plan.inside, plan.outside))
            .collect()
    }

    #[test]
    fn equal_ends_get_a_worker_for_each_queue() {
        let plans = shared((2, 2), (2, 2), usize::MAX);
        assert_eq!(plans, [(vec![0], vec![0]), (vec![1], vec![1])]);
    }

    #[test]
    fn the_smaller_end_decides_and_no_queue_is_left_out() {
        assert_eq!(
            shared((4, 4), (2, 2), usize::MAX),
            [(vec![0, 2], vec![0]), (vec![1, 3], vec![1])]
        );
        assert_eq!(
            shared((1, 1), (3, 3), usize::MAX),
            [(vec![0], vec![0, 1, 2])]
        );
    }

    #[test]
    fn nobody_sends_by_a_queue_that_only_receives() {
        let plans = shared((4, 1), (4, 4), usize::MAX);
        assert_eq!(plans, [(vec![0, 1, 2, 3], vec![0, 1, 2, 3])]);
    }

    #[test]
    fn workers_can_be_fewer_than_queues() {
        assert_eq!(
            shared((4, 4), (4, 4), 3),
            [
                (vec![0, 3], vec![0, 3]),
                (vec![1], vec![1]),
                (vec![2], vec![2])
            ]
        );
        assert_eq!(shared((4, 4), (4, 4), 0).len(), 1);
    }
}

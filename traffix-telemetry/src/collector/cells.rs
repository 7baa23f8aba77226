//! Dense counters: by bin, link and class, found by their place alone.

/// Counters of one link in one bin, by class.
type Row = Box<[u64]>;

/// A counter that cannot hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Counters of the bins that are open. A bin's place in the ring follows from its number; rows are made when something
/// is counted in them.
#[derive(Debug)]
pub(super) struct Cells {
    links: usize,
    classes: usize,
    ring: Vec<Bin>,
    /// Bins that had to leave the ring for others before they were taken.
    spilled: Vec<Bin>,
}

/// The counters of a bin, by link.
#[derive(Debug, Default)]
struct Bin {
    number: i64,
    rows: Vec<Option<Row>>,
}

impl Cells {
    /// Counters for links and classes below these numbers. `bins` is how far apart, at most, the bins usually are that are
    /// counted in at a time; more is slower and still right.
    pub(super) fn new(links: usize, classes: usize, bins: usize) -> Self {
        let ring = std::iter::repeat_with(Bin::default).take(bins.max(1)).collect();
        Self { links, classes, ring, spilled: Vec::new() }
    }

    /// Adds bytes, or says that the counter is full; then nothing is added.
    #[inline]
    pub(super) fn add(&mut self, number: i64, link: usize, class: usize, bytes: u64) -> Result<(), Full> {
        let classes = self.classes;
        let bin = self.bin(number);
        let (Some(row), true) = (bin.rows.get_mut(link), bytes > 0) else { return Ok(()) };
        let cell = match row {
            Some(row) => row,
            None => row.insert(vec![0; classes].into()),
        };
        let Some(cell) = cell.get_mut(class) else { return Ok(()) };
        *cell = cell.checked_add(bytes).ok_or(Full)?;
        Ok(())
    }

    #[inline]
    fn bin(&mut self, number: i64) -> &mut Bin {
        let len = i64::try_from(self.ring.len()).unwrap_or(i64::MAX);
        // The remainder is below the length.
        let place = usize::try_from(number.rem_euclid(len)).unwrap_or(0);
        let bin = &mut self.ring[place];
        if bin.number != number || bin.rows.is_empty() {
            self.open(place, number);
        }
        &mut self.ring[place]
    }

    #[cold]
    fn open(&mut self, place: usize, number: i64) {
        let mut rows = Vec::new();
        rows.resize_with(self.links, || None);
        let before = std::mem::replace(&mut self.ring[place], Bin { number, rows });
        if !before.rows.is_empty() {
            self.spilled.push(before);
        }
    }

    /// Takes the counters of all bins below `until` and gives those that are not 0 to `each`: bin, link, class, bytes. A
    /// bin may come in several parts.
    pub(super) fn take(&mut self, until: i64, mut each: impl FnMut(i64, usize, usize, u64)) {
        let (over, still): (Vec<Bin>, Vec<Bin>) =
            std::mem::take(&mut self.spilled).into_iter().partition(|bin| bin.number < until);
        self.spilled = still;
        let over_in_ring = self.ring.iter_mut().filter(|bin| bin.number < until && !bin.rows.is_empty());
        for bin in over.into_iter().chain(over_in_ring.map(std::mem::take)) {
            for (link, row) in bin.rows.iter().enumerate() {
                for (class, bytes) in row.iter().flatten().enumerate().filter(|(_, bytes)| **bytes > 0) {
                    each(bin.number, link, class, *bytes);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn take(cells: &mut Cells, until: i64) -> BTreeMap<(i64, usize, usize), u64> {
        let mut taken = BTreeMap::new();
        cells.take(until, |bin, link, class, bytes| *taken.entry((bin, link, class)).or_default() += bytes);
        taken
    }

    proptest! {
        #[test]
        fn like_a_map(counts in prop::collection::vec((-5_i64..20, 0_usize..3, 0_usize..4, 0_u64..9), 0..60), until in -5_i64..21) {
            let (mut cells, mut map) = (Cells::new(3, 4, 5), BTreeMap::<_, u64>::new());
            for (bin, link, class, bytes) in counts {
                cells.add(bin, link, class, bytes).unwrap();
                if bytes > 0 {
                    *map.entry((bin, link, class)).or_default() += bytes;
                }
            }
            let later = map.split_off(&(until, 0, 0));
            prop_assert_eq!(take(&mut cells, until), map);
            prop_assert_eq!(take(&mut cells, i64::MAX), later);
            prop_assert!(take(&mut cells, i64::MAX).is_empty());
        }
    }

    #[test]
    fn a_full_counter_says_so_and_stays() {
        let mut cells = Cells::new(1, 1, 1);
        cells.add(3, 0, 0, u64::MAX).unwrap();
        assert_eq!(cells.add(3, 0, 0, 1), Err(Full));
        assert_eq!(take(&mut cells, 4), [((3, 0, 0), u64::MAX)].into());
    }
}

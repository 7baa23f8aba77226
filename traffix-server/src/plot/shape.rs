//! From thousands of bins to the few points that a picture can show.

use super::num::float;

/// The highest value of each of `buckets` equal groups of bins, so that no peak is lost. Values that are not
/// finite count as 0.
pub(super) fn highest(values: &[f64], buckets: usize) -> Vec<f64> {
    let n = values.len();
    let buckets = buckets.clamp(1, n.max(1));
    let group = |b: usize| b * n / buckets..((b + 1) * n / buckets).min(n);
    let clean = |x: &f64| if x.is_finite() { x.clamp(0.0, 1e30) } else { 0.0 };
    (0..buckets).map(|b| values[group(b)].iter().map(clean).fold(0.0, f64::max)).collect()
}

/// Points of a curve whose values sit in the middles of equal bins from `left` to `right`, with the ends
/// drawn out to the edges.
pub(super) fn points(values: &[f64], (left, right): (f64, f64), y: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let width = (right - left) / float(values.len().max(1));
    let middle = |(i, v): (usize, &f64)| (left + (float(i) + 0.5) * width, y(*v));
    let mut points: Vec<_> = values.iter().enumerate().map(middle).collect();
    if let (Some(&(_, first)), Some(&(_, last))) = (points.first(), points.last()) {
        points.insert(0, (left, first));
        points.push((right, last));
    }
    points
}

/// Drops points that the eye would not miss: the rest stays within `tolerance` vertically (Ramer, Douglas and
/// Peucker, without recursion).
pub(super) fn simplify(points: &[(f64, f64)], tolerance: f64) -> Vec<(f64, f64)> {
    let mut keep = vec![false; points.len()];
    let mut spans = Vec::new();
    if let Some(last) = points.len().checked_sub(1) {
        (keep[0], keep[last]) = (true, true);
        spans.push((0, last));
    }
    while let Some((a, b)) = spans.pop() {
        if let Some((far, distance)) = farthest(points, a, b)
            && distance > tolerance
        {
            keep[far] = true;
            spans.extend([(a, far), (far, b)]);
        }
    }
    points.iter().zip(keep).filter_map(|(&p, keep)| keep.then_some(p)).collect()
}

fn farthest(points: &[(f64, f64)], a: usize, b: usize) -> Option<(usize, f64)> {
    let ((x0, y0), (x1, y1)) = (points[a], points[b]);
    let slope = if x1 > x0 { (y1 - y0) / (x1 - x0) } else { 0.0 };
    let distance = |i: usize| (points[i].1 - (y0 + slope * (points[i].0 - x0))).abs();
    (a + 1..b).map(|i| (i, distance(i))).max_by(|p, q| p.1.total_cmp(&q.1))
}

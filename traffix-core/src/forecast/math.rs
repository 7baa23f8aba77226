//! Elementary functions that give the same bits on every platform.
//!
//! The standard library's `exp`, `ln` and friends call the C library of the platform, whose last digit
//! differs. A forecast must not depend on where it was computed, so scalar functions come from the pure
//! Rust `libm` crate and the one function that runs millions of times, [`exp`], is written here from basic
//! operations only, so that the compiler can run several at once.

/// Adding and subtracting this rounds a double below 2^51 to the nearest whole number (1.5 x 2^52).
const ROUNDER: f64 = 6_755_399_441_055_744.0;
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `e^x` to about 1e-15 relative; arguments outside ±700 are cut there (never infinite, never zero).
///
/// Cody and Waite's reduction by multiples of ln 2, then the Taylor polynomial of degree 12.
/// Branch-free and built from basic operations, so loops over slices run on vector units.
///
/// ```
/// use traffix_core::forecast::math::exp;
/// assert!((exp(1.0) - std::f64::consts::E).abs() < 1e-14);
/// assert_eq!(exp(0.0), 1.0);
/// ```
#[inline]
pub fn exp(x: f64) -> f64 {
    let x = if x < -700.0 { -700.0 } else { x };
    let x = if x > 700.0 { 700.0 } else { x };
    let t = x * std::f64::consts::LOG2_E + ROUNDER;
    let n = t - ROUNDER;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.0 / 479_001_600.0;
    p = p * r + 1.0 / 39_916_800.0;
    p = p * r + 1.0 / 3_628_800.0;
    p = p * r + 1.0 / 362_880.0;
    p = p * r + 1.0 / 40_320.0;
    p = p * r + 1.0 / 5_040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    // The low bits of `t` hold n in two's complement; moved to the exponent field they make 2^n.
    p * f64::from_bits(t.to_bits().wrapping_add(1023) << 52)
}

/// Natural logarithm; -1e9 for arguments that are not positive, so that powers of it underflow to zero.
pub(crate) fn ln_or_floor(x: f64) -> f64 {
    if x > 0.0 { libm::log(x) } else { -1e9 }
}

/// Distribution function of the standard normal.
///
/// ```
/// # use traffix_core::forecast::math::normal_cdf;
/// assert!((normal_cdf(1.281_551_565_5) - 0.9).abs() < 1e-10);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Density of the standard normal.
pub fn normal_pdf(z: f64) -> f64 {
    libm::exp(-0.5 * z * z) * 0.398_942_280_401_432_7
}

/// Quantile of the standard normal, about 1e-15 relative; infinite at 0 and 1, NaN outside.
///
/// ```
/// # use traffix_core::forecast::math::normal_quantile;
/// assert!((normal_quantile(0.9) - 1.281_551_565_544_600_4).abs() < 1e-12);
/// ```
///
/// # Sources
///
/// M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
/// Statistics 37 (1988) 477-484, routine PPND16.
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * poly(&CENTRE_NUM, r) / poly(&CENTRE_DEN, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 {
        poly(&MIDDLE_NUM, r - 1.6) / poly(&MIDDLE_DEN, r - 1.6)
    } else {
        poly(&FAR_NUM, r - 5.0) / poly(&FAR_DEN, r - 5.0)
    };
    if q < 0.0 { -z } else { z }
}

fn poly(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

// Published constants of AS 241, lowest power first (1988).
const CENTRE_NUM: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const CENTRE_DEN: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_66e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];
const MIDDLE_NUM: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const MIDDLE_DEN: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const FAR_NUM: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_DEN: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_libm() {
        let mut x = -690.0;
        while x < 690.0 {
            let (a, b) = (exp(x), libm::exp(x));
            assert!((a / b - 1.0).abs() < 4e-15, "{x}: {a} {b}");
            x += 0.37;
        }
        assert!(exp(-1e9) < 1e-300 && exp(1e9).is_finite());
    }

    #[test]
    fn normal_quantile_inverts_the_distribution() {
        for p in [1e-12, 1e-6, 0.001, 0.07, 0.1, 0.3, 0.5, 0.9, 0.99, 0.999_999] {
            assert!((normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-12, "{p}");
        }
        assert!(normal_quantile(1.5).is_nan() && normal_quantile(0.0) == f64::NEG_INFINITY);
    }
}

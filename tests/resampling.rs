//! What resampling does to sound, measured between all rates that roomtone meets; the figures stand in `docs/audio.md`.

use std::{
    f64::consts::{PI, TAU},
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use realfft::{RealFftPlanner, num_complex::Complex64};
use roomtone::audio::{Hz, Resampler, Sound};

const RATES: [Hz; 5] = [Hz(8_000), Hz::K16, Hz::K24, Hz(44_100), Hz::K48];
/// 1 dB under full scale.
const LEVEL: f64 = 29_200.0;

/// What one pair of rates does.
struct Figures {
    /// A tone of 1 kHz against everything else that comes out.
    snr_db: f64,
    /// The loudest against the quietest tone, up to 90 % of the lower Nyquist frequency.
    ripple_db: f64,
    /// The worst of what does not belong: images of tones that pass, aliases of tones from 110 % of the lower Nyquist
    /// frequency on.
    foreign_db: f64,
    /// How late a sample comes out after it went in, at most.
    latency_ms: f64,
}

fn tone(rate: Hz, hz: f64, samples: usize) -> Vec<i16> {
    (0..samples).map(|n| (f64::sin(TAU * hz * n as f64 / f64::from(rate.0)) * LEVEL).round() as i16).collect()
}

/// Resamples in chunks of uneven sizes, without the edges.
fn resampled(from: Hz, to: Hz, input: &[i16]) -> Vec<f64> {
    let (mut resampler, mut out, mut rest) = (Resampler::new(from, to), Vec::new(), input);
    for size in [1usize, 7, 160, 441, 320, 33].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        resampler.push(chunk, &mut out);
        rest = behind;
    }
    resampler.flush(&mut out);
    assert_eq!(out.len() as u64, from.convert(input.len() as u64, to), "{from} to {to}");
    let edge = to.samples_in(std::time::Duration::from_millis(50));
    out[edge..out.len() - edge].iter().map(|sample| f64::from(*sample)).collect()
}

/// Amplitude of the tone of `hz` that fits best, and the power of what is left.
fn fit(samples: &[f64], rate: Hz, hz: f64) -> (f64, f64) {
    let (mut ss, mut sc, mut cc, mut ys, mut yc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, y) in samples.iter().enumerate() {
        let (s, c) = (TAU * hz * n as f64 / f64::from(rate.0)).sin_cos();
        (ss, sc, cc, ys, yc) = (ss + s * s, sc + s * c, cc + c * c, ys + y * s, yc + y * c);
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((ys * cc - yc * sc) / det, (yc * ss - ys * sc) / det);
    let rest = samples.iter().enumerate().map(|(n, y)| {
        let (s, c) = (TAU * hz * n as f64 / f64::from(rate.0)).sin_cos();
        (y - a * s - b * c).powi(2)
    });
    (a.hypot(b), rest.sum::<f64>() / samples.len() as f64)
}

fn db(power_ratio: f64) -> f64 {
    10.0 * power_ratio.log10()
}

fn measure(from: Hz, to: Hz) -> Figures {
    let length = from.0 as usize / 2;
    let nyquist = f64::from(from.0.min(to.0)) / 2.0;
    let (amplitude, rest) = fit(&resampled(from, to, &tone(from, 1_000.0, length)), to, 1_000.0);
    let snr_db = db(amplitude.powi(2) / 2.0 / rest);
    let (mut low, mut high, mut foreign_db) = (f64::MAX, f64::MIN, f64::MIN);
    for step in 1..=45 {
        // Off the round figures, so that an image never falls onto its tone.
        let hz = nyquist * 0.02 * f64::from(step) - 1.7;
        let (amplitude, rest) = fit(&resampled(from, to, &tone(from, hz, length)), to, hz);
        (low, high) = (low.min(db((amplitude / LEVEL).powi(2))), high.max(db((amplitude / LEVEL).powi(2))));
        foreign_db = foreign_db.max(db(rest / (LEVEL.powi(2) / 2.0)));
    }
    let mut hz = nyquist * 1.1;
    while hz < f64::from(from.0) / 2.0 * 0.99 {
        let out = resampled(from, to, &tone(from, hz, length));
        let power = out.iter().map(|y| y * y).sum::<f64>() / out.len() as f64;
        foreign_db = foreign_db.max(db(power / (LEVEL.powi(2) / 2.0)));
        hz += f64::from(from.0) / 80.0;
    }
    Figures { snr_db, ripple_db: high - low, foreign_db, latency_ms: latency_ms(from, to) }
}

/// Pushes one sample after the other and looks how far the output lags behind at most.
fn latency_ms(from: Hz, to: Hz) -> f64 {
    let (mut resampler, mut out, mut worst) = (Resampler::new(from, to), Vec::new(), 0.0f64);
    for n in 0..from.0 / 10 {
        worst = worst.max(f64::from(n) / f64::from(from.0) - out.len() as f64 / f64::from(to.0));
        resampler.push(&[1], &mut out);
    }
    worst * 1e3
}

#[test]
fn every_pair_of_rates_is_as_clean_as_the_docs_say() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audio.md")).unwrap();
    let mut pairs = Vec::new();
    for from in RATES {
        pairs.extend(RATES.into_iter().filter(|to| *to != from).map(|to| (from, to)));
    }
    let measure_all = |pairs: &[(Hz, Hz)]| pairs.iter().map(|(from, to)| row(*from, *to)).collect::<Vec<_>>();
    let half = pairs.len() / 2;
    let rows = thread::scope(|scope| {
        let second = scope.spawn(|| measure_all(&pairs[half..]));
        [measure_all(&pairs[..half]), second.join().unwrap()].concat()
    });
    // Another processor may round otherwise in the last place.
    let missing: Vec<String> =
        rows.iter().filter(|row| !docs.lines().any(|line| is_near(line, row))).cloned().collect();
    assert!(missing.is_empty(), "docs/audio.md does not have these rows:\n{}", missing.join("\n"));
}

/// Measures one pair, holds it to what is promised, and gives its row of the table.
fn row(from: Hz, to: Hz) -> String {
    let Figures { snr_db, ripple_db, foreign_db, latency_ms } = measure(from, to);
    assert!(snr_db >= 93.0, "{from} to {to}: {snr_db:.1} dB");
    assert!(ripple_db <= 0.05, "{from} to {to}: {ripple_db:.2} dB");
    assert!(foreign_db <= -90.0, "{from} to {to}: {foreign_db:.1} dB");
    let rates = format!("| {} | {} ", from.0, to.0);
    format!("{rates}| {snr_db:.1} dB | {ripple_db:.2} dB | {foreign_db:.1} dB | {latency_ms:.1} ms |")
}

/// Whether two rows have the same rates, and figures that differ by no more than 0.5.
fn is_near(line: &str, row: &str) -> bool {
    let figures = |text: &str| -> Option<Vec<f64>> {
        let cells = text.trim().trim_matches('|').split('|');
        cells.map(|cell| cell.split_whitespace().next()?.parse().ok()).collect()
    };
    let (Some(line), Some(row)) = (figures(line), figures(row)) else { return false };
    line.len() == row.len() && line[..2] == row[..2] && line.iter().zip(&row).all(|(a, b)| (a - b).abs() <= 0.5)
}

/// Tones that go up to 85 % of the lower Nyquist frequency, and speech, through soxr at its best quality and through ours: what
/// differs up to there.
#[test]
fn another_make_gives_the_same() {
    let home = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let python = home.join("soxr/bin/python");
    if !python.exists() {
        eprintln!("skipped: there is no soxr; run tests/soxr/set-up");
        return;
    }
    let speech = Sound::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/speech.wav")).unwrap();
    for from in POLYPHASE {
        for to in POLYPHASE.into_iter().filter(|to| *to != from) {
            for (name, input) in [("sweep", sweep(from, to)), ("speech", louder(&speech.at(from).samples))] {
                let mut ours = Vec::new();
                let mut resampler = Resampler::new(from, to);
                resampler.push(&input, &mut ours);
                resampler.flush(&mut ours);
                let ours: Vec<f64> = ours.into_iter().map(|sample| f64::from(sample) / 32_768.0).collect();
                let difference_db = difference_db(&ours, &by_soxr(&python, from, to, &input), from, to);
                eprintln!("{from} to {to}, {name}: {difference_db:.1} dB");
                assert!(difference_db <= -80.0, "{from} to {to}, {name}: {difference_db:.1} dB");
            }
        }
    }
}

const POLYPHASE: [Hz; 4] = [Hz(8_000), Hz::K16, Hz::K24, Hz::K48];
/// Up to which part of the lower Nyquist frequency two resamplers are to be alike.
const ALIKE: f64 = 0.85;

/// Two seconds.
fn sweep(from: Hz, to: Hz) -> Vec<i16> {
    let (samples, rate) = (2 * from.0 as usize, f64::from(from.0));
    let highest = f64::from(from.0.min(to.0)) / 2.0 * ALIKE;
    let phase = |n: usize| PI * highest * (n as f64 / rate).powi(2) / 2.0;
    (0..samples).map(|n| (phase(n).sin() * LEVEL).round() as i16).collect()
}

/// The same up to 1 dB below full scale.
fn louder(sound: &[i16]) -> Vec<i16> {
    let peak = sound.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(1.0, f64::max);
    sound.iter().map(|sample| (f64::from(*sample) * LEVEL / peak).round() as i16).collect()
}

fn by_soxr(python: &Path, from: Hz, to: Hz, input: &[i16]) -> Vec<f64> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soxr/resample.py");
    let mut command = Command::new(python);
    command.arg(program).args([from.0.to_string(), to.0.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), input.iter().flat_map(|sample| sample.to_le_bytes()));
    // It reads all before it writes anything.
    stdin.write_all(&bytes.collect::<Vec<u8>>()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

/// The power of what differs against the power of what was expected, up to [`ALIKE`] of the lower Nyquist frequency and
/// without the edges.
fn difference_db(ours: &[f64], theirs: &[f64], from: Hz, to: Hz) -> f64 {
    let edge = to.samples_in(std::time::Duration::from_millis(50));
    let length = ours.len().min(theirs.len()) - 2 * edge;
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(length);
    let spectrum = |sound: &[f64]| {
        let window = |n: usize| (PI * n as f64 / length as f64).sin().powi(2);
        let mut input: Vec<f64> = sound[edge..edge + length].iter().enumerate().map(|(n, x)| x * window(n)).collect();
        let mut output = forward.make_output_vec();
        forward.process(&mut input, &mut output).unwrap();
        output
    };
    let (ours, theirs) = (spectrum(ours), spectrum(theirs));
    let bins = (f64::from(from.0.min(to.0)) / 2.0 * ALIKE * length as f64 / f64::from(to.0)) as usize;
    let power = |bins: &mut dyn Iterator<Item = Complex64>| bins.map(|bin| bin.norm_sqr()).sum::<f64>();
    let differs = power(&mut ours.iter().zip(&theirs).take(bins).map(|(a, b)| a - b));
    db(differs / power(&mut theirs.iter().take(bins).copied()))
}

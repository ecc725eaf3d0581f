//! A published track in text, as configurations and command lines give it.

use std::str::FromStr;

use super::PublishedTrack;
use crate::audio::{Hz, codec::OpusSettings};

/// Reads `pcm16`, `pcm16:24000`, `opus`, `opus:48000`, `opus,bitrate=32000,complexity=9,dtx,fec`. The error is a line
/// that quotes the text.
impl FromStr for PublishedTrack {
    type Err = String;

    fn from_str(text: &str) -> Result<PublishedTrack, String> {
        let fail = |why: &str| format!("{text:?}: {why}");
        let (form, settings) = text.split_once(',').unwrap_or((text, ""));
        let (form, rate) = form.split_once(':').unwrap_or((form, ""));
        let rate = match rate {
            "" => None,
            rate => Some(Hz(rate.parse().map_err(|_| fail("the rate is a number in Hz, as in pcm16:24000"))?)),
        };
        let track = match form {
            "pcm16" => PublishedTrack::pcm16(rate.unwrap_or(Hz::K24)),
            "opus" => PublishedTrack::opus(rate.unwrap_or(Hz::K48)),
            _ => return Err(fail("is neither pcm16 nor opus")),
        };
        let opus = opus_settings(settings).map_err(|why| fail(&why))?;
        if form == "pcm16" && !settings.is_empty() {
            return Err(fail("pcm16 has no settings"));
        }
        Ok(track.map_err(|error| fail(&error.to_string()))?.with_opus(opus))
    }
}

/// Reads `bitrate=32000,complexity=9,dtx,fec`, any of them.
fn opus_settings(text: &str) -> Result<OpusSettings, String> {
    let mut settings = OpusSettings::default();
    for setting in text.split(',').filter(|setting| !setting.is_empty()) {
        let number = |value: &str| value.parse().map_err(|_| format!("{setting:?} needs a whole number"));
        match setting.split_once('=') {
            Some(("bitrate", value)) => settings.bitrate_bps = number(value)?,
            Some(("complexity", value)) => settings.complexity = number(value)?,
            None if setting == "dtx" => settings.dtx = true,
            None if setting == "fec" => settings.fec = true,
            _ => return Err(format!("{setting:?} is none of bitrate=N, complexity=N, dtx, fec")),
        }
    }
    settings.check().map_err(|error| error.to_string())?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voices_are_read_with_their_settings() {
        let track: PublishedTrack = "opus:24000,bitrate=32000,complexity=9,dtx,fec".parse().unwrap();
        let settings = OpusSettings { bitrate_bps: 32_000, complexity: 9, dtx: true, fec: true };
        assert_eq!((track.rate(), track.opus_settings()), (Hz::K24, &settings));
        assert_eq!("opus".parse::<PublishedTrack>().unwrap().opus_settings(), &OpusSettings::default());
        for (text, problem) in [
            ("opus,bitrate=lots", "needs a whole number"),
            ("opus,bitrate=1", "no bitrate of 1"),
            ("opus,complexity=11", "0 to 10"),
            ("opus,loud", "is none of"),
            ("pcm16,dtx", "has no settings"),
            ("mp3", "neither pcm16 nor opus"),
        ] {
            let failure = text.parse::<PublishedTrack>().unwrap_err();
            assert!(failure.contains(problem), "{text}: {failure}");
        }
    }
}

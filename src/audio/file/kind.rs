//! What a file is, by how it begins: names and endings tell lies.

/// Those that can be read, by who reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Wav,
    /// Ogg with Opus or Vorbis.
    Ogg,
    /// A container or codec that is left to symphonia.
    Container,
    /// Sound, or something else, that cannot be read; what it is.
    Other(&'static str),
    /// It does not begin like anything that is known. MPEG audio may follow some rubbish.
    Unknown,
}

impl Kind {
    /// What begins with `head`, 64 bytes if there are as many.
    pub(super) fn of(head: &[u8]) -> Kind {
        let at = |place: usize, mark: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(mark));
        if (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) && at(8, b"WAVE") {
            return Kind::Wav;
        }
        if at(0, b"OggS") {
            return match () {
                () if at(28, b"OpusHead") || at(28, b"\x01vorbis") => Kind::Ogg,
                () if at(28, b"Speex   ") => Kind::Other("Speex in Ogg"),
                () if at(28, b"\x80theora") => Kind::Other("Theora video in Ogg"),
                // Behind a skeleton or a video, symphonia finds what there is.
                () => Kind::Container,
            };
        }
        if CONTAINERS.iter().any(|(place, mark)| at(*place, mark)) {
            return Kind::Container;
        }
        match OTHERS.iter().find(|(place, mark, _)| at(*place, mark)) {
            Some((_, _, name)) => Kind::Other(name),
            None if !head.is_empty() && head.iter().all(|byte| is_of_text(*byte)) => Kind::Other("a text"),
            None => Kind::Unknown,
        }
    }
}

fn is_of_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

/// How long an ID3v2 tag is that may stand in front of anything.
pub(super) fn id3_bytes(head: &[u8]) -> Option<u64> {
    let size = head.get(6..10).filter(|size| head.starts_with(b"ID3") && size.iter().all(|byte| byte & 0x80 == 0))?;
    let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + footer + size.iter().fold(0, |n, byte| n << 7 | u64::from(*byte)))
}

/// Where which mark stands in what symphonia reads.
const CONTAINERS: [(usize, &[u8]); 8] = [
    (0, b"fLaC"),
    (4, b"ftyp"),
    (4, b"moov"),
    (0, b"\x1A\x45\xDF\xA3"),
    (0, b"caff"),
    // AAC in ADTS.
    (0, b"\xff\xf1"),
    (0, b"\xff\xf9"),
    (0, b"FORM"),
];

/// The same of what is not read.
const OTHERS: [(usize, &[u8], &str); 35] = [
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"riff\x2e\x91\xcf\x11", "Sony Wave64"),
    (0, b"RIFX", "a WAV file with its bytes the other way round (RIFX)"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WEBP", "a picture"),
    (0, b"#!AMR", "AMR speech"),
    (0, b"\x30\x26\xB2\x75", "Windows Media"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"TTA1", "True Audio"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b".snd", "a Sun audio file"),
    (0, b".RMF", "RealMedia"),
    (0, b"DSD ", "a DSD recording"),
    (0, b"FRM8", "a DSD recording"),
    (0, b"MThd", "a MIDI file, which is notes and no sound"),
    (0, b"\x0b\x77", "Dolby Digital"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"FLV\x01", "a Flash video"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"GIF8", "a picture"),
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (0, b"\x1f\x8b", "packed with gzip; unpack it first"),
    (0, b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (0, b"version https://git-lfs", "a pointer of Git LFS; fetch the file itself with `git lfs pull`"),
    (0, b"<!", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"<?xml", "an XML text"),
    (0, b"{", "a JSON text, perhaps an error message that was saved as sound"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_something_is_that() {
        for (head, kind) in [
            (&b"RIFF\0\0\0\0WAVEfmt "[..], Kind::Wav),
            (b"RF64\xff\xff\xff\xffWAVE", Kind::Wav),
            (b"\0\0\0\x20ftypM4A ", Kind::Container),
            (b"riff\x2e\x91\xcf\x11\xa5\xd6", Kind::Other("Sony Wave64")),
            (b"\x7fELF\x02\x01", Kind::Other("a program")),
            (b"this is no sound at all", Kind::Other("a text")),
            (b"\x01\x02\x03\x04", Kind::Unknown),
            (b"", Kind::Unknown),
        ] {
            assert_eq!(Kind::of(head), kind, "{head:?}");
        }
        assert_eq!(id3_bytes(b"ID3\x03\0\0\0\0\x01\x01rest"), Some(139));
    }
}

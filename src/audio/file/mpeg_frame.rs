//! The frames of MPEG audio, layers I to III, and what their encoders say in the first of them.

/// A frame, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) layer: u8,
    is_mpeg_1: bool,
    pub(super) rate: u32,
    pub(super) is_mono: bool,
    /// How long it is, the header included.
    pub(super) bytes: usize,
    /// Samples of each channel.
    pub(super) samples: usize,
}

/// What an encoder wrote into a frame of its own in front of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Info {
    /// Samples that the encoder and decoder put in front.
    pub(super) delay: usize,
    /// Samples at the end that are no sound.
    pub(super) padding: usize,
    /// How many frames follow; 0 where it does not say.
    pub(super) frames: usize,
}

impl Frame {
    /// The frame that begins here, if its header makes sense.
    pub(super) fn parse(bytes: &[u8]) -> Option<Frame> {
        let [0xff, second, third, fourth, ..] = bytes else { return None };
        let version = second >> 3 & 3;
        let (layer, rate, kbps) = (4 - (second >> 1 & 3), usize::from(third >> 2 & 3), usize::from(third >> 4));
        if second >> 5 != 7 || version == RESERVED || layer == 4 || rate == 3 || kbps == 0 || kbps == 15 {
            return None;
        }
        let is_mpeg_1 = version == MPEG_1;
        let row = match (is_mpeg_1, layer) {
            (true, layer) => usize::from(layer) - 1,
            (false, 1) => 3,
            (false, _) => 4,
        };
        let bits = 1_000 * KBPS[row][kbps];
        let halvings = [2, 0, 1, 0][usize::from(version)];
        let rate = [44_100, 48_000, 32_000][rate] >> halvings;
        let padding = usize::from(third >> 1 & 1);
        let (samples, bytes) = match layer {
            1 => (384, ((12 * bits / rate) as usize + padding) * 4),
            3 if !is_mpeg_1 => (576, (72 * bits / rate) as usize + padding),
            _ => (1_152, (144 * bits / rate) as usize + padding),
        };
        (bytes > 4).then_some(Frame { layer, is_mpeg_1, rate, is_mono: fourth >> 6 == 3, bytes, samples })
    }

    /// The frame that begins here, if another one, the end or a tag follows it.
    pub(super) fn confirmed(bytes: &[u8]) -> Option<Frame> {
        let frame = Frame::parse(bytes)?;
        let next = bytes.get(frame.bytes..).unwrap_or_default();
        let tags: [&[u8]; 4] = [b"TAG", b"ID3", b"APET", b"LYRI"];
        let is_followed = match next.len() {
            0..4 => bytes.len() >= frame.bytes,
            _ => Frame::parse(next).is_some_and(|next| next.layer == frame.layer),
        };
        (is_followed || tags.iter().any(|tag| next.starts_with(tag))).then_some(frame)
    }

    /// What the encoder says in this frame, if it says something instead of sounding.
    pub(super) fn info(&self, bytes: &[u8]) -> Option<Info> {
        if self.layer != 3 {
            return None;
        }
        let nothing = Info { delay: 0, padding: 0, frames: 0 };
        let behind_side_info = 4 + match (self.is_mpeg_1, self.is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let tag = bytes.get(behind_side_info..)?;
        if !tag.starts_with(b"Xing") && !tag.starts_with(b"Info") {
            return (bytes.get(36..40) == Some(b"VBRI")).then_some(nothing);
        }
        let flags = *tag.get(7)?;
        let number = |at: usize| Some(u32::from_be_bytes(tag.get(at..at + 4)?.try_into().ok()?) as usize);
        let frames = if flags & 1 != 0 { number(8)? } else { 0 };
        let parts = [(1, 4), (2, 4), (4, 100), (8, 4)].map(|(flag, length)| if flags & flag != 0 { length } else { 0 });
        let encoder = tag.get(8 + parts.iter().sum::<usize>()..).unwrap_or_default();
        let knows_delay = encoder.starts_with(b"LAME") || encoder.starts_with(b"Lav");
        match encoder.get(21..24) {
            Some(&[first, second, third]) if knows_delay => Some(Info {
                delay: (usize::from(first) << 4 | usize::from(second >> 4)) + DECODER_DELAY,
                padding: (usize::from(second & 15) << 8 | usize::from(third)).saturating_sub(DECODER_DELAY),
                frames,
            }),
            _ => Some(Info { frames, ..nothing }),
        }
    }
}

const RESERVED: u8 = 1;
const MPEG_1: u8 = 3;
/// What every decoder of layer III adds.
const DECODER_DELAY: usize = 529;

/// By version and layer: I, II and III of MPEG-1, I of MPEG-2, II and III of MPEG-2.
const KBPS: [[u32; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

//! A frame: the unit that is written, checked and lost together.
//!
//! All numbers are little-endian.
//!
//! ```text
//! byte  field
//!    0  magic "SQFR"
//!    4  version u8 (1), kind u8, flags u16      kind, flags: the owner's business
//!    8  payload length u32                      at most MAX_PAYLOAD
//!   12  count u32                               entries in the payload
//!   16  owner u32                               whose frame it is (a queue)
//!   20  reserved u32 (0)
//!   24  first u64                               number of the first entry (an offset)
//!   32  time u64                                milliseconds since 1970
//!   40  CRC32C of the payload u32
//!   44  CRC32C of bytes 0..44 u32, seeded with the log's nonce, the segment and the position
//!   48  payload
//! ```
//!
//! The seed ties a frame to its place: neither a frame image inside somebody's message nor
//! what an earlier use of the disk left behind is ever taken for a frame.

/// Bytes of a frame before its payload.
pub const HEADER_BYTES: usize = 48;
/// The largest payload, in bytes. Writers aim at frames of 64 KiB; the rest is for a single
/// large entry with what it carries beside it.
pub const MAX_PAYLOAD: usize = 128 << 10;

pub(crate) const MAGIC: [u8; 4] = *b"SQFR";
pub(crate) const VERSION: u8 = 1;

/// What a frame says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameHead {
    /// What sort of frame it is.
    pub kind: u8,
    /// Flags of that sort.
    pub flags: u16,
    /// Entries in the payload.
    pub count: u32,
    /// Whose frame it is.
    pub owner: u32,
    /// Number of the first entry.
    pub first: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// Bytes of the payload; set by writing.
    pub length: u32,
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAFrame {
    /// Zeros: nothing was written here.
    Blank,
    /// The header is not whole.
    Header,
    /// The header is good and says how long the frame is, the payload is not.
    Payload { length: usize },
    /// A good header of a version that is not known.
    Version(u8),
}

pub(crate) fn seed(nonce: u64, segment: u32, at: u64) -> u32 {
    let mut place = [0; 20];
    place[..8].copy_from_slice(&nonce.to_le_bytes());
    place[8..12].copy_from_slice(&segment.to_le_bytes());
    place[12..].copy_from_slice(&at.to_le_bytes());
    crc32c::crc32c(&place)
}

/// Appends header and payload (in parts) to `to`, which will be written so that the header
/// lies where `seed` says.
pub(crate) fn encode(to: &mut Vec<u8>, seed: u32, head: &FrameHead, parts: &[&[u8]]) {
    let start = to.len();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let payload_crc = parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part));
    to.extend_from_slice(&MAGIC);
    to.extend_from_slice(&[VERSION, head.kind]);
    to.extend_from_slice(&head.flags.to_le_bytes());
    to.extend_from_slice(&(length as u32).to_le_bytes());
    to.extend_from_slice(&head.count.to_le_bytes());
    to.extend_from_slice(&head.owner.to_le_bytes());
    to.extend_from_slice(&[0; 4]);
    to.extend_from_slice(&head.first.to_le_bytes());
    to.extend_from_slice(&head.time.to_le_bytes());
    to.extend_from_slice(&payload_crc.to_le_bytes());
    let header_crc = crc32c::crc32c_append(seed, &to[start..]);
    to.extend_from_slice(&header_crc.to_le_bytes());
    for part in parts {
        to.extend_from_slice(part);
    }
}

/// Checks the header at the start of `bytes`.
pub(crate) fn decode_head(bytes: &[u8], seed: u32) -> Result<(FrameHead, u32), NotAFrame> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(if bytes.iter().all(|&b| b == 0) {
            NotAFrame::Blank
        } else {
            NotAFrame::Header
        });
    };
    if header.iter().all(|&b| b == 0) {
        return Err(NotAFrame::Blank);
    }
    if header[..4] != MAGIC || u32_at(header, 44) != crc32c::crc32c_append(seed, &header[..44]) {
        return Err(NotAFrame::Header);
    }
    if header[4] != VERSION {
        return Err(NotAFrame::Version(header[4]));
    }
    let head = FrameHead {
        kind: header[5],
        flags: u16::from_le_bytes([header[6], header[7]]),
        length: u32_at(header, 8),
        count: u32_at(header, 12),
        owner: u32_at(header, 16),
        first: u64_at(header, 24),
        time: u64_at(header, 32),
    };
    if head.length as usize > MAX_PAYLOAD {
        return Err(NotAFrame::Header);
    }
    Ok((head, u32_at(header, 40)))
}

/// Checks the frame at the start of `bytes`; its payload follows the header.
pub(crate) fn decode(bytes: &[u8], seed: u32) -> Result<FrameHead, NotAFrame> {
    let (head, payload_crc) = decode_head(bytes, seed)?;
    let length = head.length as usize;
    match bytes.get(HEADER_BYTES..HEADER_BYTES + length) {
        Some(payload) if crc32c::crc32c(payload) == payload_crc => Ok(head),
        _ => Err(NotAFrame::Payload { length }),
    }
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_valid_only_unchanged_and_in_its_place() {
        let head =
            FrameHead { kind: 1, flags: 2, count: 3, owner: 4, first: 5, time: 6, length: 5 };
        let mut bytes = Vec::new();
        encode(&mut bytes, seed(9, 1, 64), &head, &[b"he", b"llo"]);
        assert_eq!(decode(&bytes, seed(9, 1, 64)), Ok(head));
        assert_eq!(decode(&bytes, seed(9, 2, 64)), Err(NotAFrame::Header));
        assert_eq!(decode(&bytes, seed(8, 1, 64)), Err(NotAFrame::Header));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert!(decode(&flipped, seed(9, 1, 64)).is_err(), "byte {at}");
        }
        assert_eq!(decode(&[0; 100], seed(9, 1, 64)), Err(NotAFrame::Blank));
    }
}

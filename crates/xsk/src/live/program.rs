//! The generator's programs, as `struct bpf_insn`s (RFC 9669).

use std::os::fd::RawFd;

use super::Field;

const XDP_DROP: i32 = 1;
const XDP_TX: i32 = 3;

/// `r0 = XDP_TX; exit`.
pub(super) const SEND: [u64; 2] = [op(MOV, 0, 0, 0, XDP_TX), op(EXIT, 0, 0, 0, 0)];

/// What the counting program keeps from frame to frame.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// What the next frame has in its field.
    next: u32,
    step: u32,
    /// The sum of everything else that the checksum covers.
    rest: u32,
}

impl Count {
    /// Begins with a frame whose checksum is right; none if the frame doesn't reach that far.
    pub(super) fn of(frame: &[u8], field: Field, step: u32) -> Option<Self> {
        let next = u32::from_be_bytes(*frame.get(usize::from(field.at)..)?.first_chunk()?);
        let checksum = frame.get(usize::from(field.checksum_at)..)?.first_chunk()?;
        let checksum = u16::from_be_bytes(*checksum);
        // One's complement: to take away is to add the complement (RFC 1071 §2).
        let terms = [checksum, (next >> 16) as u16, next as u16];
        let rest = terms.map(|term| u32::from(!term)).iter().sum();
        Some(Self { next, step, rest })
    }
}

// Classes and operations (RFC 9669 §4, §5).
const MOV: u8 = 0xb7;
const MOV_FROM: u8 = 0xbf;
const ADD: u8 = 0x07;
const ADD_FROM: u8 = 0x0f;
const AND: u8 = 0x57;
const XOR: u8 = 0xa7;
const SHIFT_RIGHT: u8 = 0x77;
const TO_BIG_ENDIAN: u8 = 0xdc;
const LOAD_IMM64: u8 = 0x18;
const LOAD_U32: u8 = 0x61;
const STORE_U32: u8 = 0x63;
const STORE_U16: u8 = 0x6b;
const JUMP_IF_GREATER_THAN: u8 = 0x2d;
const EXIT: u8 = 0x95;
/// In the source of [`LOAD_IMM64`]: the address of the value of a map.
const PSEUDO_MAP_VALUE: u8 = 2;

/// Writes the count into the field, corrects the checksum, and sends the frame.
pub(super) fn count_and_send(map: RawFd, field: Field) -> Vec<u64> {
    let [at, checksum_at] = [field.at, field.checksum_at].map(|at| at as i16);
    let reach = i32::from(field.at + 4).max(i32::from(field.checksum_at + 2));
    let [context, count, data, end, value, sum, half] = [6, 1, 4, 5, 7, 3, 0];
    let mut program = vec![
        op(MOV_FROM, context, 1, 0, 0),
        op(LOAD_IMM64, count, PSEUDO_MAP_VALUE, 0, map),
        op(0, 0, 0, 0, 0),
        op(LOAD_U32, data, context, 0, 0),
        op(LOAD_U32, end, context, 4, 0),
        op(MOV_FROM, half, data, 0, 0),
        op(ADD, half, 0, 0, reach),
        op(JUMP_IF_GREATER_THAN, half, end, SENDING_LEN, 0),
        op(LOAD_U32, value, count, 0, 0),
        op(LOAD_U32, 2, count, 4, 0),
        op(LOAD_U32, sum, count, 8, 0),
        op(ADD_FROM, 2, value, 0, 0),
        op(STORE_U32, count, 2, 0, 0),
        op(MOV_FROM, half, value, 0, 0),
        op(TO_BIG_ENDIAN, half, 0, 0, 32),
        op(STORE_U32, data, half, at, 0),
        op(MOV_FROM, half, value, 0, 0),
        op(SHIFT_RIGHT, half, 0, 0, 16),
        op(ADD_FROM, sum, half, 0, 0),
        op(AND, value, 0, 0, 0xffff),
        op(ADD_FROM, sum, value, 0, 0),
    ];
    for _ in 0..2 {
        program.extend([
            op(MOV_FROM, half, sum, 0, 0),
            op(SHIFT_RIGHT, half, 0, 0, 16),
            op(AND, sum, 0, 0, 0xffff),
            op(ADD_FROM, sum, half, 0, 0),
        ]);
    }
    program.extend([
        op(XOR, sum, 0, 0, 0xffff),
        op(TO_BIG_ENDIAN, sum, 0, 0, 16),
        op(STORE_U16, data, sum, checksum_at, 0),
        op(MOV, 0, 0, 0, XDP_TX),
        op(EXIT, 0, 0, 0, 0),
        op(MOV, 0, 0, 0, XDP_DROP),
        op(EXIT, 0, 0, 0, 0),
    ]);
    program
}

/// Instructions from the check of the frame's length to the drop.
const SENDING_LEN: i16 = 13 + 2 * 4 + 5;

/// One instruction: code, destination, source, offset, immediate.
const fn op(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> u64 {
    (immediate as u32 as u64) << 32
        | (offset as u16 as u64) << 16
        | (source as u64) << 12
        | (destination as u64) << 8
        | code as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Field = Field {
        at: 2,
        checksum_at: 6,
    };

    #[test]
    fn the_rest_of_the_sum_makes_up_the_checksum() {
        let mut frame = [0x45, 0x67, 0xff, 0xff, 0xff, 0xf0, 0, 0];
        let sum = |frame: &[u8; 8]| {
            let words = frame.as_chunks::<2>().0;
            let sum: u32 = words
                .iter()
                .map(|w| u32::from(u16::from_be_bytes(*w)))
                .sum();
            (sum & 0xffff) + (sum >> 16)
        };
        let checksum = !(sum(&frame) as u16);
        frame[6..].copy_from_slice(&checksum.to_be_bytes());
        let count = Count::of(&frame, FIELD, 7).expect("long enough");
        assert_eq!((count.next, count.step), (0xffff_fff0, 7));
        let mut rest = count.rest;
        while rest > 0xffff {
            rest = (rest & 0xffff) + (rest >> 16);
        }
        assert_eq!(rest, 0x4567);
        assert_eq!(Count::of(&frame[..7], FIELD, 7), None);
    }

    #[test]
    fn a_short_frame_jumps_to_the_drop() {
        let program = count_and_send(3, FIELD);
        let jump = 7;
        let target = jump + 1 + SENDING_LEN as usize;
        assert_eq!(program[target], op(MOV, 0, 0, 0, XDP_DROP));
        assert_eq!(program[jump] as u8, JUMP_IF_GREATER_THAN);
    }
}

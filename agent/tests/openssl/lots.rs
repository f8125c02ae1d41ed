//! Lots that are always drawn alike, and what is drawn with them: DER that is bent.

use super::forge::tlv;

/// Pseudorandom numbers (splitmix64).
pub(crate) struct Lots(u64);

/// An element of DER, taken apart where it is constructed.
enum Node {
    Leaf(u8, Vec<u8>),
    Branch(u8, Vec<Node>),
}

/// How an element's length is written.
#[derive(Clone, Copy)]
enum Form {
    Shortest,
    /// Of two octets more than it needs.
    Long,
    /// Of BER.
    Indefinite,
    /// More than there is.
    Beyond,
}

/// What is done to an element.
const KINDS: [&str; 9] = [
    "another tag",
    "a length of more octets than it needs",
    "an indefinite length",
    "a length beyond the end",
    "half of its content",
    "one more element in it",
    "twice",
    "left out",
    "other octets in it",
];

/// INTEGER, BIT STRING, OCTET STRING, NULL, an identifier, strings, times, SEQUENCE, SET, `[0]`, `[3]`.
const TAGS: [u8; 13] = [
    0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x18, 0x30, 0x31, 0xa0, 0xa3,
];

// === impl Lots ===

impl Lots {
    /// Those of one certificate of one run.
    pub(crate) fn new(seed: u64, at: u64) -> Self {
        Self(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ at.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(crate) fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// One to three octets are others.
    pub(crate) fn bytes_exchanged(&mut self, mut der: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            let at = self.below(der.len());
            der[at] = self.octets(1)[0];
        }
        der
    }

    /// One element, wherever it is, is not what it should be; the lengths around it fit.
    pub(crate) fn bent(&mut self, der: &[u8]) -> (&'static str, Vec<u8>) {
        let mut nodes = parse(der).expect("DER");
        let count: usize = nodes.iter().map(Node::count).sum();
        let mut at = self.below(count);
        let mut bent = Vec::new();
        let kind = self.below(KINDS.len());
        for node in &mut nodes {
            node.write(&mut at, (self, kind), &mut bent);
        }
        (KINDS[kind], bent)
    }
}

/// The elements of some bytes; `None` where they are something else.
fn parse(mut bytes: &[u8]) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let Some((&tag, rest)) = bytes.split_first() {
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = octets
                    .iter()
                    .fold(0, |length, &octet| length << 8 | usize::from(octet));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let inside = (tag & 0x20 != 0).then(|| parse(content)).flatten();
        nodes.push(match inside {
            Some(inside) => Node::Branch(tag, inside),
            None => Node::Leaf(tag, content.to_owned()),
        });
        bytes = rest;
    }
    Some(nodes)
}

// === impl Node ===

impl Node {
    fn count(&self) -> usize {
        match self {
            Self::Leaf(..) => 1,
            Self::Branch(_, inside) => 1 + inside.iter().map(Self::count).sum::<usize>(),
        }
    }

    /// Writes it; the one whose turn it is differently.
    fn write(&self, at: &mut usize, (lots, kind): (&mut Lots, usize), out: &mut Vec<u8>) {
        let mine = *at == 0;
        *at = at.wrapping_sub(1);
        let (mut tag, mut content) = match self {
            Self::Leaf(tag, content) => (*tag, content.clone()),
            Self::Branch(tag, inside) => {
                let mut content = Vec::new();
                for node in inside {
                    node.write(at, (&mut *lots, kind), &mut content);
                }
                (*tag, content)
            }
        };
        if !mine {
            return out.extend(tlv(tag, &content));
        }
        let mut form = Form::Shortest;
        match kind {
            0 => tag = lots.pick(&TAGS),
            1 => form = Form::Long,
            2 if tag & 0x20 != 0 => form = Form::Indefinite,
            3 => form = Form::Beyond,
            4 => content.truncate(content.len() / 2),
            5 => content.extend(tlv(0x05, b"")),
            // Twice.
            6 => out.extend(tlv(tag, &content)),
            // Not at all.
            7 => return,
            _ => content = lots.bytes_exchanged([&content[..], &[0]].concat()),
        }
        write(tag, &content, form, out);
    }
}

fn write(tag: u8, content: &[u8], form: Form, out: &mut Vec<u8>) {
    let length = u32::try_from(content.len()).unwrap();
    match form {
        Form::Shortest => return out.extend(tlv(tag, content)),
        Form::Long => {
            out.extend([tag, 0x84]);
            out.extend(length.to_be_bytes());
        }
        Form::Beyond => {
            out.extend([tag, 0x84]);
            out.extend((length + 1000).to_be_bytes());
        }
        Form::Indefinite => {
            out.extend([tag, 0x80]);
            out.extend(content);
            return out.extend([0, 0]);
        }
    }
    out.extend(content);
}

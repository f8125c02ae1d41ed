//! Steps over a Java object in its serialised form (Java Object Serialization Specification,
//! chapter 6), which has no length of its own. In a JCEKS keystore, a secret key is such an object,
//! and certificates can stand behind it. Nothing in it is looked at but what tells where it ends.

/// Octets of the object that the bytes begin with, header included; `None` where it is cut short or
/// of a form that no keystore has.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let mut walk = Walk {
        rest: bytes,
        handles: Vec::new(),
        fuel: MAX_STEPS,
        depth: 0,
    };
    if walk.take(HEADER.len())? != HEADER {
        return None;
    }
    walk.object()?;
    Some(bytes.len() - walk.rest.len())
}

/// Magic number and version of a stream.
const HEADER: &[u8] = &[0xac, 0xed, 0, 5];

const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const CLASS_DESCRIPTION: u8 = 0x72;
const OBJECT: u8 = 0x73;
const STRING: u8 = 0x74;
const ARRAY: u8 = 0x75;
const BLOCK_DATA: u8 = 0x77;
const END_OF_BLOCK_DATA: u8 = 0x78;
const LONG_BLOCK_DATA: u8 = 0x7a;
const LONG_STRING: u8 = 0x7c;

/// The class writes data of its own behind its fields.
const HAS_WRITE_METHOD: u8 = 1;
const IS_SERIALIZABLE: u8 = 2;

/// The first number by which a thing is referred to later.
const FIRST_HANDLE: u32 = 0x007e_0000;

/// A sealed key takes some thirty steps and is four deep.
const MAX_STEPS: usize = 10_000;
const MAX_DEPTH: usize = 16;

struct Walk<'a> {
    rest: &'a [u8],
    /// All that can be referred to; of classes, what their objects are made of.
    handles: Vec<Option<Class>>,
    fuel: usize,
    depth: usize,
}

/// What objects of a class are made of.
#[derive(Clone, Debug)]
struct Class {
    flags: u8,
    /// Type codes of the fields.
    fields: Vec<u8>,
    /// The type code of the elements, if this is an array.
    element: Option<u8>,
    /// The handle of the class above it.
    above: Option<usize>,
}

// === impl Walk ===

impl<'a> Walk<'a> {
    /// Whatever stands next.
    fn object(&mut self) -> Option<()> {
        self.enter()?;
        match self.octet()? {
            NULL => {}
            REFERENCE => drop(self.take(4)?),
            OBJECT => {
                let class = self.class()?;
                self.handles.push(None);
                self.fields(class)?;
            }
            STRING => {
                self.handles.push(None);
                self.text()?;
            }
            LONG_STRING => {
                self.handles.push(None);
                let length = u64::from_be_bytes(*self.chunk()?);
                self.take(usize::try_from(length).ok()?)?;
            }
            ARRAY => {
                let class = self.class()?;
                self.handles.push(None);
                let element = self.handles.get(class)?.as_ref()?.element?;
                let count = self.number()?;
                match size(element) {
                    Some(size) => drop(self.take(size.checked_mul(count)?)?),
                    None => {
                        for _ in 0..count {
                            self.object()?;
                        }
                    }
                }
            }
            _ => return None,
        }
        self.depth -= 1;
        Some(())
    }

    /// The handle of the class that stands next.
    fn class(&mut self) -> Option<usize> {
        self.enter()?;
        let class = match self.octet()? {
            REFERENCE => {
                let handle = u32::from_be_bytes(*self.chunk()?).checked_sub(FIRST_HANDLE)?;
                usize::try_from(handle).ok()?
            }
            CLASS_DESCRIPTION => {
                let name = self.text()?;
                let _serial_version = self.take(8)?;
                let handle = self.handles.len();
                self.handles.push(None);
                let flags = self.octet()?;
                let mut fields = Vec::new();
                for _ in 0..u16::from_be_bytes(*self.chunk()?) {
                    self.burn()?;
                    let code = self.octet()?;
                    self.text()?;
                    if size(code).is_none() {
                        // The name of the field's type.
                        self.object()?;
                    }
                    fields.push(code);
                }
                self.annotation()?;
                let above = if self.rest.first() == Some(&NULL) {
                    self.octet()?;
                    None
                } else {
                    Some(self.class()?)
                };
                let element = match name {
                    [b'[', element, ..] => Some(*element),
                    _ => None,
                };
                // Only now, so that no class is above itself.
                *self.handles.get_mut(handle)? = Some(Class {
                    flags,
                    fields,
                    element,
                    above,
                });
                handle
            }
            _ => return None,
        };
        self.depth -= 1;
        Some(class)
    }

    /// The values of an object's fields, those of the topmost class first.
    fn fields(&mut self, class: usize) -> Option<()> {
        self.enter()?;
        let class = self.handles.get(class)?.clone()?;
        if let Some(above) = class.above {
            self.fields(above)?;
        }
        // What else there is writes itself in forms of its own.
        if class.flags & !HAS_WRITE_METHOD != IS_SERIALIZABLE {
            return None;
        }
        for code in class.fields {
            self.burn()?;
            match size(code) {
                Some(size) => drop(self.take(size)?),
                None => self.object()?,
            }
        }
        if class.flags & HAS_WRITE_METHOD != 0 {
            self.annotation()?;
        }
        self.depth -= 1;
        Some(())
    }

    /// What a class writes of its own.
    fn annotation(&mut self) -> Option<()> {
        loop {
            self.burn()?;
            match *self.rest.first()? {
                END_OF_BLOCK_DATA => return self.octet().map(|_| ()),
                BLOCK_DATA => {
                    let [_, length] = *self.chunk()?;
                    self.take(length.into())?;
                }
                LONG_BLOCK_DATA => {
                    self.octet()?;
                    let length = self.number()?;
                    self.take(length)?;
                }
                _ => self.object()?,
            }
        }
    }

    /// Goes one deeper; who comes back says so.
    fn enter(&mut self) -> Option<()> {
        self.burn()?;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn burn(&mut self) -> Option<()> {
        self.fuel = self.fuel.checked_sub(1)?;
        Some(())
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.chunk().map(|[octet]| *octet)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(*self.chunk()?)).ok()
    }

    /// A string, with two octets of length before it.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(*self.chunk()?);
        self.take(length.into())
    }
}

/// Octets of a primitive value by its type code; `None` for an object.
fn size(code: u8) -> Option<usize> {
    Some(match code {
        b'B' | b'Z' => 1,
        b'C' | b'S' => 2,
        b'F' | b'I' => 4,
        b'D' | b'J' => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A class: name, flags, fields, what is above it.
    fn class(name: &str, flags: u8, fields: &[&[u8]], above: &[u8]) -> Vec<u8> {
        let count = u16::try_from(fields.len()).unwrap().to_be_bytes();
        let fields = fields.concat();
        [
            &[CLASS_DESCRIPTION][..],
            &text(name),
            &[7; 8],
            &[flags],
            &count,
            &fields,
            &[END_OF_BLOCK_DATA],
            above,
        ]
        .concat()
    }

    fn text(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        [&length[..], text.as_bytes()].concat()
    }

    fn field(code: u8, type_name: &[u8]) -> Vec<u8> {
        [&[code][..], &text("field"), type_name].concat()
    }

    fn string(value: &str) -> Vec<u8> {
        [&[STRING][..], &text(value)].concat()
    }

    /// Whether the object, and no more, is stepped over.
    fn is_stepped_over(object: &[u8]) -> bool {
        let stream = [HEADER, object].concat();
        let followed = [&stream[..], b"\0\0\0\x02 more"].concat();
        length(&followed) == Some(stream.len()) && length(&stream) == Some(stream.len())
    }

    #[test]
    fn objects_of_all_forms_are_stepped_over() {
        let bytes = class("[B", IS_SERIALIZABLE, &[], &[NULL]);
        let array = [&[ARRAY][..], &bytes, b"\0\0\0\x03abc"].concat();
        let reference = [REFERENCE, 0, 0x7e, 0, 0];
        let primitives: Vec<_> = b"BZCSFIDJ".iter().map(|&code| field(code, b"")).collect();
        let primitives: Vec<_> = primitives.iter().map(Vec::as_slice).collect();
        let above = class("Above", IS_SERIALIZABLE, &primitives, &[NULL]);
        let names = [
            field(b'[', &string("[B")),
            field(b'L', &string("LAny;")),
            field(b'L', &[REFERENCE, 0, 0x7e, 0, 1]),
        ];
        let fields: Vec<_> = names.iter().map(Vec::as_slice).collect();
        let below = class("Below", IS_SERIALIZABLE | HAS_WRITE_METHOD, &fields, &above);
        let values = [
            &[0; 30][..],
            &array,
            &string("value"),
            &[NULL],
            b"\x77\x02ab",
            b"\x7a\0\0\0\x01c",
            &string("more"),
            &[END_OF_BLOCK_DATA],
        ]
        .concat();
        let object = [&[OBJECT][..], &below, &values].concat();
        let twice = [
            &[ARRAY][..],
            &class("[LAny;", IS_SERIALIZABLE, &[], &[NULL]),
            b"\0\0\0\x02",
        ]
        .concat();
        for object in [
            vec![NULL],
            reference.to_vec(),
            string("text"),
            b"\x7c\0\0\0\0\0\0\0\x02ab".to_vec(),
            array,
            [twice, string("a"), vec![NULL]].concat(),
            object,
        ] {
            assert!(is_stepped_over(&object), "{object:02x?}");
        }
    }

    #[test]
    fn a_class_that_was_described_is_referred_to() {
        let bytes = class("[B", IS_SERIALIZABLE, &[], &[NULL]);
        let first = [&[ARRAY][..], &bytes, b"\0\0\0\x01a"].concat();
        // Handles: 0 the outer class, 1 the outer array, 2 the class of the first one.
        let second = b"\x75\x71\x00\x7e\x00\x02\0\0\0\x02bc";
        let outer = class("[LAny;", IS_SERIALIZABLE, &[], &[NULL]);
        let array = [&[ARRAY][..], &outer, b"\0\0\0\x02", &first, second].concat();
        assert!(is_stepped_over(&array));
    }

    #[test]
    fn what_no_keystore_has_is_not_stepped_over() {
        let plain = class("A", IS_SERIALIZABLE, &[], &[NULL]);
        for (what, object) in [
            ("nothing", vec![]),
            ("an unknown tag", vec![0x7b]),
            ("a string cut short", b"\x74\0\x05ab".to_vec()),
            ("an object of no class", vec![OBJECT, NULL]),
            (
                "a class of a number not given",
                b"\x73\x71\x00\x7e\x00\x09".to_vec(),
            ),
            (
                "a class of a number too small",
                b"\x73\x71\0\0\0\0".to_vec(),
            ),
            ("a class above itself", {
                let above = [REFERENCE, 0, 0x7e, 0, 0];
                [vec![OBJECT], class("A", IS_SERIALIZABLE, &[], &above)].concat()
            }),
            ("an enum", [vec![0x7e], plain.clone()].concat()),
            ("one that writes itself", {
                [vec![OBJECT], class("A", 4, &[], &[NULL])].concat()
            }),
            (
                "an array of no array",
                [&[ARRAY][..], &plain, b"\0\0\0\0"].concat(),
            ),
            ("an array too long", {
                let bytes = class("[J", IS_SERIALIZABLE, &[], &[NULL]);
                [&[ARRAY][..], &bytes, b"\xff\xff\xff\xff"].concat()
            }),
        ] {
            assert_eq!(length(&[HEADER, &object].concat()), None, "{what}");
        }
        assert_eq!(length(b"\xac\xed\x00\x04\x70"), None);
    }

    #[test]
    fn neither_depth_nor_length_are_without_bound() {
        let one = [&[ARRAY][..], &class("[LA;", 2, &[], &[NULL]), b"\0\0\0\x01"].concat();
        let nested = |depth| [one.repeat(depth - 1), vec![NULL]].concat();
        assert!(is_stepped_over(&nested(MAX_DEPTH)));
        assert!(!is_stepped_over(&nested(MAX_DEPTH + 1)));
        let class = class("[LA;", 2, &[], &[NULL]);
        let flat = |count: usize| {
            let octets = u32::try_from(count).unwrap().to_be_bytes();
            [&[ARRAY][..], &class, &octets, &vec![NULL; count]].concat()
        };
        assert!(is_stepped_over(&flat(MAX_STEPS / 2)));
        assert!(!is_stepped_over(&flat(MAX_STEPS)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_stepped_over_or_not(
            bytes in proptest::collection::vec(prop_oneof![0x70_u8..=0x7e, any::<u8>(), Just(0)], 0..200),
        ) {
            let stream = [HEADER, &bytes].concat();
            if let Some(length) = length(&stream) {
                prop_assert!(length <= stream.len());
            }
        }
    }
}

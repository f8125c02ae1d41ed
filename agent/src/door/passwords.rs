//! Passwords, checked against bcrypt's hashes: off the thread that answers, one at a time, each user's
//! last good one remembered as a MAC under a key that nobody else has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::hmac;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::health::door::Refused;

/// A cost of 16 is some seconds of a whole processor; 31 would be days.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;
/// The cost of a password whose user there is not, where no user has another.
const USUAL: u32 = 10;
/// How many may wait for their check.
const WAITING: usize = 32;

/// The users of one configuration.
#[derive(Debug, Default)]
pub(super) struct Users(BTreeMap<String, Hash>);

#[derive(Clone, Copy)]
struct Hash {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

/// What is remembered between requests.
#[derive(Debug)]
pub(super) struct Checks {
    key: hmac::Key,
    /// By user, of the last good password and the hash that it fits.
    good: Mutex<BTreeMap<String, hmac::Tag>>,
    turn: Semaphore,
    waiting: AtomicUsize,
}

impl Users {
    /// Adds one; the error quotes nothing.
    pub(super) fn add(&mut self, name: String, hash: &str) -> Result<(), &'static str> {
        let hash = Hash::parse(hash)?;
        self.0.insert(name, hash);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What to check a password of this name with. Where there is no such user it costs as much, and
    /// is in vain.
    fn hash(&self, name: &str) -> (Hash, bool) {
        if let Some(hash) = self.0.get(name) {
            return (*hash, true);
        }
        let costs = self.0.values().map(|hash| hash.cost);
        let nobody = Hash {
            cost: costs.max().unwrap_or(USUAL),
            salt: [0; 16],
            digest: [0; 23],
        };
        (nobody, false)
    }
}

impl Hash {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong = "is no bcrypt hash, such as $2y$10$ and 53 letters more";
        let text = text.strip_prefix("$2").ok_or(wrong)?;
        let text = text.strip_prefix(['a', 'b', 'y']).unwrap_or(text);
        let text = text.strip_prefix('$').ok_or(wrong)?;
        let (cost, rest) = text.split_once('$').ok_or(wrong)?;
        let cost = cost.parse().map_err(|_| wrong)?;
        if rest.len() != 53 || !rest.is_ascii() {
            return Err(wrong);
        }
        if !COSTS.contains(&cost) {
            return Err("has a cost that is not 4 to 16");
        }
        let letters = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true);
        let letters = GeneralPurpose::new(&BCRYPT, letters);
        let (salt, digest) = rest.split_at(22);
        let part = |text| letters.decode(text).map_err(|_| wrong);
        Ok(Self {
            cost,
            salt: part(salt)?.try_into().map_err(|_| wrong)?,
            digest: part(digest)?.try_into().map_err(|_| wrong)?,
        })
    }

    /// Takes its time.
    fn fits(&self, password: &str) -> bool {
        // As bcrypt has it: with the zero that ends a text in C, and no more than 72 octets.
        let mut octets = Zeroizing::new([0; 72]);
        let length = password.len().min(72);
        octets[..length].copy_from_slice(&password.as_bytes()[..length]);
        let made = bcrypt::bcrypt(self.cost, self.salt, &octets[..(length + 1).min(72)]);
        let pairs = made.iter().zip(&self.digest);
        pairs.fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash")
    }
}

impl Checks {
    pub(super) fn new(key: hmac::Key) -> Self {
        Self {
            key,
            good: Mutex::default(),
            turn: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether this is the user's password.
    pub(super) async fn check(
        &self,
        users: &Users,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<(), Refused> {
        let (hash, is_known) = users.hash(name);
        if is_known && self.is_remembered(name, &hash, &password) {
            return Ok(());
        }
        let waiting = Waiting::new(&self.waiting).ok_or(Refused::Busy)?;
        let turn = self.turn.acquire().await.map_err(|_| Refused::Busy)?;
        // Whoever waited may find that the same password has been checked meanwhile.
        if is_known && self.is_remembered(name, &hash, &password) {
            return Ok(());
        }
        let checked = tokio::task::spawn_blocking(move || (hash.fits(&password), password));
        let (fits, password) = checked.await.map_err(|_| Refused::Wrong)?;
        drop((turn, waiting));
        if !(fits && is_known) {
            return Err(Refused::Wrong);
        }
        let tag = self.tag(&hash, &password);
        self.good().insert(name.to_owned(), tag);
        Ok(())
    }

    fn is_remembered(&self, name: &str, hash: &Hash, password: &str) -> bool {
        let known = self.good().get(name).copied();
        // Tags are public as the MAC compares them; what is compared is made with a key of ours.
        known.is_some_and(|known| {
            let text = text(hash, password);
            hmac::verify(&self.key, &text, known.as_ref()).is_ok()
        })
    }

    fn tag(&self, hash: &Hash, password: &str) -> hmac::Tag {
        hmac::sign(&self.key, &text(hash, password))
    }

    fn good(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, hmac::Tag>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A password goes with its hash: under another hash it has to be checked again.
fn text(hash: &Hash, password: &str) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(64 + password.len()));
    text.extend_from_slice(&hash.cost.to_be_bytes());
    text.extend_from_slice(&hash.salt);
    text.extend_from_slice(&hash.digest);
    text.extend_from_slice(password.as_bytes());
    text
}

/// One who waits.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let this = Self(count);
        (before < WAITING).then_some(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of passwords with 0, 80 and 7 octets; the last two by libxcrypt.
    const EMPTY: &str = "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.";
    const LONG: &str = "$2b$04$8E1b5M0xtGvyK285RL/RAeK1V4YcPldb0OIHHOuVUji8kjShTWgna";
    const ANOTHER: &str = "$2b$04$rgKQ.kDvCdmf6G0Mw9T81.9FVNBxc01lpDi/FuXKvqMKggt361OdK";

    fn checks() -> Checks {
        let random = ring::rand::SystemRandom::new();
        Checks::new(hmac::Key::generate(hmac::HMAC_SHA256, &random).unwrap())
    }

    fn users(hash: &str) -> Users {
        let mut users = Users::default();
        users.add("jane".to_owned(), hash).unwrap();
        users
    }

    fn said(password: &str) -> Zeroizing<String> {
        Zeroizing::new(password.to_owned())
    }

    #[test]
    fn passwords_fit_the_hashes_that_others_made() {
        let fits = |hash, password: &str| Hash::parse(hash).unwrap().fits(password);
        assert!(fits(EMPTY, "") && !fits(EMPTY, "x"));
        assert!(fits(LONG, &"x".repeat(80)) && !fits(LONG, &"x".repeat(71)));
        assert!(fits(ANOTHER, "another") && !fits(ANOTHER, "Another"));
        assert!(fits(&ANOTHER.replace("$2b$", "$2y$"), "another"));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let cut = &EMPTY[..EMPTY.len() - 1];
        for text in [
            "",
            "$",
            "$2a$",
            "$1$04$",
            cut,
            "$2a$06$é",
            "$2c$06$a",
            "another",
        ] {
            assert!(Hash::parse(text).is_err(), "{text}");
        }
        for cost in ["03", "17", "31", "99", "x"] {
            let text = EMPTY.replace("$06$", &format!("${cost}$"));
            assert!(Hash::parse(&text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_good_password_is_remembered_and_only_under_its_hash_and_user() {
        let (checks, users) = (checks(), users(ANOTHER));
        let check = |name: &'static str, password| checks.check(&users, name, said(password));
        assert_eq!(check("jane", "x").await, Err(Refused::Wrong));
        assert_eq!(check("jane", "another").await, Ok(()));
        // From here on nobody's turn comes: what is remembered needs none.
        checks.turn.close();
        assert_eq!(check("jane", "another").await, Ok(()));
        assert_eq!(check("jane", "x").await, Err(Refused::Busy));
        assert_eq!(check("joe", "another").await, Err(Refused::Busy));
        let changed = self::users(EMPTY);
        let under_another = checks.check(&changed, "jane", said("another")).await;
        assert_eq!(under_another, Err(Refused::Busy));
    }

    #[tokio::test]
    async fn not_more_than_some_wait_for_their_turn() {
        let (checks, users) = (checks(), users(ANOTHER));
        let turn = checks.turn.acquire().await.unwrap();
        let all = (0..=WAITING).map(|_| checks.check(&users, "jane", said("x")));
        let all = futures_util::future::join_all(all);
        let (answers, ()) = tokio::join!(all, async { drop(turn) });
        let busy = answers.iter().filter(|one| **one == Err(Refused::Busy));
        assert_eq!(busy.count(), 1);
        assert_eq!(checks.waiting.load(Ordering::Relaxed), 0);
    }
}

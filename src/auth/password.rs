//! Passwords, as they are kept: hashed by Argon2id (RFC 9106), which takes time and memory from whoever tries many.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use ring::rand::{SecureRandom, SystemRandom};

use crate::secret::Secret;

/// 7 MiB, five times over: as strong by OWASP's table as the usual 19 MiB twice, and bearable for a small computer.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
/// What a hash from elsewhere may ask for at most.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 16;
const SALT_BYTES: usize = 16;

/// A shorter password is too easily guessed, in characters.
const SHORTEST: usize = 10;
/// A longer one is no password, in bytes.
const LONGEST: usize = 1_000;

/// What nobody's password is kept as: it takes as long as anybody's.
const NOBODYS: &str =
    "$argon2id$v=19$m=7168,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is kept of a password: its hash, as `$argon2id$…`.
#[derive(Clone, Debug)]
pub struct PasswordHash(Secret);

/// Why a password or a hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is easily guessed.
    #[error("a password must have at least {SHORTEST} characters: a few words in a row are easy to remember")]
    Short,
    /// It is no password.
    #[error("a password can have at most {LONGEST} bytes")]
    Long,
    /// It is no hash of a password.
    #[error("`password` is what `fridge user add` writes: a hash that begins with $argon2id$")]
    NoHash,
    /// It would take too long.
    #[error(
        "this hash takes more than {} MiB or {MOST_PASSES} passes: make another one with `fridge user password`",
        MOST_MEMORY_KIB / 1024
    )]
    TooCostly,
    /// The system gives no random numbers, or no memory.
    #[error("the operating system gives no random numbers or no memory")]
    System,
}

impl PasswordHash {
    /// The hash of a password, with a salt of its own.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn of(password: &str) -> Result<PasswordHash, PasswordError> {
        if password.chars().count() < SHORTEST {
            return Err(PasswordError::Short);
        }
        if password.len() > LONGEST {
            return Err(PasswordError::Long);
        }
        let mut salt = [0; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).map_err(|_| PasswordError::System)?;
        let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| PasswordError::System)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
        let hash: phc::PasswordHash = hash.map_err(|_| PasswordError::System)?;
        Ok(PasswordHash(Secret::new(hash.to_string())))
    }

    /// Takes a hash from the configuration.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn read(text: &str) -> Result<PasswordHash, PasswordError> {
        let hash = phc::PasswordHash::new(text).map_err(|_| PasswordError::NoHash)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError::NoHash)?;
        if hash.algorithm.as_str() != "argon2id" || hash.salt.is_none() || hash.hash.is_none() {
            return Err(PasswordError::NoHash);
        }
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES {
            return Err(PasswordError::TooCostly);
        }
        Ok(PasswordHash(Secret::new(text)))
    }

    /// One that is of no password.
    pub fn nobodys() -> PasswordHash {
        PasswordHash(Secret::new(NOBODYS))
    }

    /// Whether it is of that password. Takes some ten milliseconds on a large computer, and half a second on a small one.
    pub fn is_of(&self, password: &str) -> bool {
        let hash = phc::PasswordHash::new(self.0.expose());
        hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }

    /// As the configuration has it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let hash = PasswordHash::of("correct horse").unwrap();
        assert!(hash.is_of("correct horse") && !hash.is_of("correct horsE") && !hash.is_of(""));
        assert_ne!(hash, PasswordHash::of("correct horse").unwrap(), "each has a salt of its own");
        assert!(PasswordHash::read(hash.expose()).unwrap().is_of("correct horse"));
        assert!(!format!("{hash:?}").contains("argon2"));
        assert_eq!(PasswordHash::of("too short").unwrap_err(), PasswordError::Short);
        assert_eq!(PasswordHash::of(&"x".repeat(1_001)).unwrap_err(), PasswordError::Long);
    }

    #[test]
    fn nobodys_password_takes_as_long_as_anybodys() {
        let [nobodys, anybodys] = [PasswordHash::nobodys(), PasswordHash::of("correct horse").unwrap()];
        let params = |hash: &PasswordHash| {
            let hash = phc::PasswordHash::new(hash.expose()).unwrap();
            let params = Params::try_from(&hash).unwrap();
            (params.m_cost(), params.t_cost(), params.p_cost())
        };
        assert_eq!(params(&nobodys), params(&anybodys));
        assert!(!nobodys.is_of("correct horse"));
    }

    #[test]
    fn a_hash_from_elsewhere_is_looked_at() {
        for (text, why) in [
            ("correct horse", PasswordError::NoHash),
            ("$argon2id$v=19$m=7168,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA", PasswordError::NoHash),
            (&NOBODYS.replace("argon2id", "argon2i"), PasswordError::NoHash),
            (&NOBODYS.replace("argon2id", "pbkdf2-sha256"), PasswordError::NoHash),
            (&NOBODYS.replace("m=7168", "m=4194304"), PasswordError::TooCostly),
            (&NOBODYS.replace("t=5", "t=1000"), PasswordError::TooCostly),
        ] {
            assert_eq!(PasswordHash::read(text).unwrap_err(), why, "{text}");
        }
    }
}

//! The pictures that were made last: whoever reads a post fetches the same one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hyper::body::Bytes;

/// So many are kept, the newest: one has some 40 kB.
const KEPT: usize = 16;

/// The pictures that were made last, by their addresses. Its lock is held for one look.
#[derive(Default)]
pub struct Pictures(Mutex<VecDeque<(String, Bytes)>>);

impl Pictures {
    /// The picture at that address, where it was made lately.
    pub fn get(&self, name: &str) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == name).map(|(_, picture)| picture.clone())
    }

    /// Keeps a picture, and forgets the oldest where there are too many.
    pub fn keep(&self, name: &str, picture: &Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.iter().any(|(known, _)| known == name) {
            kept.truncate(KEPT - 1);
            kept.push_front((name.to_owned(), picture.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_pictures_are_kept() {
        let pictures = Pictures::default();
        for number in 0..100 {
            pictures.keep(&number.to_string(), &Bytes::from_static(b"x"));
            pictures.keep(&number.to_string(), &Bytes::from_static(b"y"));
        }
        assert_eq!(pictures.0.lock().unwrap().len(), KEPT);
        assert_eq!(pictures.get("99").as_deref(), Some(&b"x"[..]));
        assert_eq!(pictures.get("1"), None);
    }
}

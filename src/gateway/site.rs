//! The site: its fridges, and what they are called.

use crate::fridge::Fridge;
use crate::text::Units;

/// The site's part of the configuration: replaced as a whole when it is read again.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// This gateway's name, where several answer in one channel.
    pub name: Option<String>,
    /// The fridges, in the order of the configuration.
    pub fridges: Vec<Fridge>,
    /// The unit of temperatures, unless a question asks for the other.
    pub units: Units,
    /// Whether this is the last good configuration, because its file is wrong now.
    pub is_last_good: bool,
}

impl Site {
    /// Where a fridge of this site stands among its fridges; `None` for any other.
    pub fn index_of(&self, fridge: &Fridge) -> Option<usize> {
        let from_first = std::ptr::from_ref(fridge).addr().checked_sub(self.fridges.as_ptr().addr())?;
        let index = from_first / size_of::<Fridge>();
        self.fridges.get(index).is_some_and(|there| std::ptr::eq(there, fridge)).then_some(index)
    }
}

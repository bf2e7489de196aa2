//! `help`: what can be asked; and the answer to what is none of it.

use super::{Command, Data, english, names};

/// The list of words.
pub fn answer() -> (String, Data) {
    let mut text = String::from("What you can ask:\n");
    for command in Command::ALL {
        text.push_str(&format!("\n- `fridge {}`: {}", command.usage(), command.meaning()));
    }
    (text, Data::Words(Command::ALL.map(Command::word).to_vec()))
}

/// The answer to an unknown word: the nearest known one.
pub fn unknown(word: &str) -> (String, Data) {
    let nearest = names::nearest(word, Command::ALL.into_iter().map(Command::word));
    (english::unknown_word(nearest), Data::Unknown { nearest: nearest.map(str::to_owned) })
}

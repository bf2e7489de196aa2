//! `help`: what can be asked; and the answer to what is none of it.

use super::{Command, Data, Mood, Said, english, names};

/// The list of words, or one of them explained.
pub fn answer(word: &str) -> Said {
    let words = |nearest: Option<Command>| match nearest {
        Some(command) => vec![command.word()],
        None => Command::ALL.map(Command::word).to_vec(),
    };
    if word.is_empty() {
        let mut text = format!("{}\n", english::HELP);
        for command in Command::ALL {
            text.push_str(&format!(
                "\n- `fridge {}`: {}",
                english::usage(command),
                english::meaning(command)
            ));
        }
        text.push_str(&format!("\n\n{}", english::HELP_FOR_ALL));
        return (text, Mood::Neutral, Data::Words(words(None)));
    }
    match Command::of(word) {
        None => unknown(word),
        Some(command) => {
            let text = format!("`fridge {}`: {}", english::usage(command), english::explanation(command));
            (text, Mood::Neutral, Data::Words(words(Some(command))))
        }
    }
}

/// The answer to an unknown word: the nearest known one.
pub fn unknown(words: &str) -> Said {
    let first = words.split(' ').next().unwrap_or_default();
    let nearest = names::nearest(first, Command::ALL.into_iter().map(Command::word));
    let data = Data::Unknown { nearest: nearest.map(str::to_owned).into_iter().collect() };
    (english::unknown_word(nearest), Mood::Neutral, data)
}

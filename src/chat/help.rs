//! `help`: what can be asked; and the answer to what is none of it.

use strum::VariantArray;

use super::{Answer, Command, Data};
use crate::doc::{Block, Doc, Text};
use crate::fridge::names;
use crate::text::help;

/// The list of words, or one of them explained.
pub fn answer(word: &str) -> Answer {
    let usage = |command: Command| Text::code(format!("fridge {}", command.help().usage));
    // "help me" asks for the list as well.
    let command = Command::of(word).or_else(|| Command::meant_by(word));
    let Some(command) = command else {
        let lines = Command::VARIANTS
            .iter()
            .map(|command| usage(*command).and(": ").and(command.help().summary))
            .collect();
        let doc =
            Doc::new(help::HELP).with(Block::List(lines)).with(Block::Line(Text::sentence(help::FOR_ALL)));
        return Answer::new(doc, Data::Words(Command::VARIANTS.iter().map(|it| it.word()).collect()));
    };
    let explanation = Text::sentence(command.help().explanation);
    let doc = Doc::new(usage(command).and(": ").and(explanation));
    Answer::new(doc, Data::Words(vec![command.word()]))
}

/// The answer to an unknown word: the nearest known one.
pub fn unknown(words: &str) -> Answer {
    let first = words.split(' ').next().unwrap_or_default();
    let nearest = names::nearest(first, Command::VARIANTS.iter().map(|command| command.word()));
    let data = Data::Unknown { nearest: nearest.map(str::to_owned).into_iter().collect() };
    Answer::new(Doc::new(Text::sentence(&help::unknown_word(nearest))), data)
}

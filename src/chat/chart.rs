//! `chart`: the last 24 hours of a fridge, or another time, as a picture; with its words for who cannot see that.

use super::selection::{self, Selection};
use super::{Answer, Data, Picture, View, asked, history};
use crate::history::period;
use crate::text::{self, chart, past};

/// The chart of the fridge that is meant; of the last 24 hours where no time stands at the end.
pub fn answer(typed: &str, view: &View<'_>) -> Answer {
    let (typed, period) = asked::about(typed, view);
    let fridge = match (selection::resolve(typed, view), &view.fridges[..]) {
        (Selection::One(fridge), _) | (Selection::All(_), &[fridge]) => fridge,
        (Selection::None(nearest), _) => return selection::unknown(nearest, view),
        (Selection::All(_), []) => return selection::mistake(text::NO_FRIDGES, view),
        (Selection::All(_), _) => return selection::mistake(chart::WHICH, view),
        (Selection::Several(fridges) | Selection::Group(fridges), _) => return selection::ask_back(&fridges),
    };
    let now = view.snapshot.local(&view.now);
    let Some(period) = period.or_else(|| period::of("24h", &now)) else {
        return asked::unreadable(past::NOTHING_KEPT, view);
    };
    let answer = history::of_period(&[fridge], &period, view);
    if matches!(answer.data, Data::Error(_)) {
        return answer;
    }
    let picture = Picture { fridge: fridge.id.clone(), from: period.from, to: period.to };
    Answer { picture: Some(picture), ..answer }
}

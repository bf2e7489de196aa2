//! What carries an act: an answer wants something done, the recorder records it, and only then the asker is told.

use super::*;

/// A reply that wants something done.
fn reply(kitchen: &Kitchen) -> Arc<Reply> {
    let view = kitchen.chat.gateway().view(&Scope::everything());
    let doc = doc("It is done.", &view);
    let answer = Answer { act: Some(Act::Nothing), ..Answer::new(doc, Data::Words(Vec::new())) };
    Arc::new(Reply::new(answer, &view, false))
}

fn may_act() -> Asker {
    let user = Some(User { id: String::from("u1"), name: String::from("anna") });
    Asker { user, ..Asker::local(Rights::Act) }
}

#[tokio::test]
async fn an_act_is_told_once_it_is_recorded() {
    let kitchen = Kitchen::new(cafe());
    let gateway = kitchen.chat.gateway().clone();
    let writer = kitchen.writer.into_inner().unwrap();
    let chat = Chat::new(gateway.with_recorder(writer.start().unwrap()));
    let kitchen = Kitchen { chat, ..Kitchen::new(cafe()) };
    let done = kitchen.chat.carry_out(reply(&kitchen), &may_act()).await;
    assert_eq!(done.text, "It is done.");
}

#[tokio::test]
async fn what_is_not_recorded_or_not_permitted_is_not_told_as_done() {
    let kitchen = Kitchen::new(cafe());
    let refused = kitchen.chat.carry_out(reply(&kitchen), &may_act()).await;
    assert!(refused.text.contains("could not be recorded"), "{}", refused.text);
    let reader = Asker::local(Rights::Read);
    let refused = kitchen.chat.carry_out(reply(&kitchen), &reader).await;
    assert_eq!(refused.text, text::MAY_NOT_ACT);
    let json = serde_json::to_value(&*refused).unwrap();
    assert_eq!(json["error"], text::MAY_NOT_ACT);
}

#[tokio::test]
async fn an_answer_that_only_reads_waits_for_nobody() {
    let kitchen = Kitchen::new(cafe());
    kitchen.well(10);
    *kitchen.now.lock().unwrap() = stamp(11);
    assert!(kitchen.chat.ask("status", &Asker::local(Rights::Read)).await.text.starts_with("All 6 in range"));
}

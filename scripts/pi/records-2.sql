-- The records of an earlier version (its format is 2), as its program wrote them: a drill that was acknowledged, and a snooze.
BEGIN TRANSACTION;
CREATE TABLE alarm (number INTEGER PRIMARY KEY, is_open INTEGER NOT NULL, json TEXT NOT NULL) STRICT;
INSERT INTO alarm VALUES(1,0,'{"number":1,"fridge":"milk","name":"Milk","kind":"too_warm","rule":"product_lag","urgency":"warning","since":"2026-11-27T09:14:05.844984531Z","raised":"2026-11-27T09:14:05.844984531Z","drill":true,"peak":null,"limit":null,"exposure":null,"delivered":null,"acknowledged":{"by":null,"at":"2026-11-27T09:14:08.855517658Z","cause":"delivery"},"announced":true,"announced_urgent":false,"unanswered":null,"cleared":{"at":"2026-11-27T09:14:08.855517658Z","peak":null,"outside_s":0,"is_unwatched":false},"ended":true}');
CREATE TABLE deed (id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT, what TEXT NOT NULL) STRICT;
INSERT INTO deed VALUES(1,'2026-11-27T09:14:05.844984531Z',NULL,'drill milk');
INSERT INTO deed VALUES(2,'2026-11-27T09:14:08.855517658Z',NULL,'acknowledge [1]: delivery');
INSERT INTO deed VALUES(3,'2026-11-27T09:14:08.859634438Z',NULL,'snooze ["milk"] 3600s');
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, json TEXT NOT NULL) STRICT;
CREATE TABLE memory (fridge TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE quiet (fridge TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO quiet VALUES('milk','{"until":"2026-11-27T10:14:08.859634438Z","warmth_only":false,"by":null}');
CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
INSERT INTO alive VALUES(1,'{"at":"2026-11-27T09:14:09.878928581Z","was_ended":true,"readings":{"milk":48}}');
DELETE FROM sqlite_sequence;
CREATE INDEX open_alarm ON alarm (number) WHERE is_open;
PRAGMA user_version=2;
COMMIT;

//! Down undoes up.

use sqlx::Connection as _;
use traffix_store::{Expect, StoreError, migrate_down, migrate_status, migrate_up};

use crate::support::rus::{actor, day, release};
use crate::support::{On, TestDb, cluster};

mod on_sqlite_file {
    #[tokio::test]
    async fn down_undoes_up() {
        super::down_undoes_up(crate::support::On::File).await;
    }
    #[tokio::test]
    async fn a_newer_database_is_refused() {
        super::a_newer_database_is_refused(crate::support::On::File).await;
    }
    #[tokio::test]
    async fn identifiers_are_found_in_older_databases() {
        super::identifiers_are_found_in_older_databases(crate::support::On::File).await;
    }
}
mod on_postgres {
    #[tokio::test]
    async fn down_undoes_up() {
        super::down_undoes_up(crate::support::On::Postgres).await;
    }
    #[tokio::test]
    async fn a_newer_database_is_refused() {
        super::a_newer_database_is_refused(crate::support::On::Postgres).await;
    }
    #[tokio::test]
    async fn identifiers_are_found_in_older_databases() {
        super::identifiers_are_found_in_older_databases(crate::support::On::Postgres).await;
    }
}

/// Everything that the schema consists of, but sqlx's own table.
async fn schema(url: &str) -> String {
    if !url.starts_with("sqlite:") {
        return cluster().schema(url);
    }
    let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
    let sql = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema \
               WHERE tbl_name <> '_sqlx_migrations' ORDER BY type, name";
    let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.into_iter().map(|(row,)| row + "\n").collect()
}

async fn down_undoes_up(on: On) {
    let db = TestDb::new(on);
    let url = &db.url;
    let all = migrate_status(url).await.unwrap();
    assert!(all.len() >= 2 && all.iter().all(|m| !m.applied));
    let empty = schema(url).await;
    assert_eq!(migrate_up(url).await.unwrap().len(), all.len());
    assert!(migrate_status(url).await.unwrap().iter().all(|m| m.applied));
    let full = schema(url).await;
    assert_ne!(full, empty);
    assert_eq!(migrate_up(url).await.unwrap(), [], "the second time nothing is left to do");

    // Down to each version and up again, with data in the tables.
    for target in all.iter().map(|m| m.version - 1).rev() {
        let store = db.open().await;
        store
            .put_ru(&release("halo").on("steam", Some(1), &[]).make(), Expect::Anything, &actor())
            .await
            .unwrap();
        drop(store);
        let undone = migrate_down(url, target).await.unwrap();
        let expected: Vec<i64> = all.iter().map(|m| m.version).filter(|v| *v > target).rev().collect();
        assert_eq!(undone.iter().map(|m| m.version).collect::<Vec<_>>(), expected);
        migrate_up(url).await.unwrap();
        assert_eq!(schema(url).await, full, "down to {target} and up");
    }

    // Down step by step: each step leaves what the step before it had built.
    let mut built = vec![full];
    for migration in all.iter().rev() {
        migrate_down(url, migration.version - 1).await.unwrap();
        built.push(schema(url).await);
    }
    assert_eq!(built.last(), Some(&empty), "down undoes up");
    let mut sizes: Vec<usize> = built.iter().map(String::len).collect();
    sizes.dedup();
    assert_eq!(sizes.len(), all.len() + 1, "every migration has a second half");
}

async fn a_newer_database_is_refused(on: On) {
    let db = TestDb::new(on);
    migrate_up(&db.url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', true, '', 0)";
    if on == On::Postgres {
        let mut connection = sqlx::PgConnection::connect(&db.url).await.unwrap();
        sqlx::query(newer).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
        sqlx::query(newer).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
    let refused = traffix_store::open(&db.url, traffix_store::OpenOptions::default()).await.map(|_| ());
    assert!(matches!(&refused, Err(StoreError::Schema(detail)) if detail.contains("9999")), "{refused:?}");
}

/// A database that was filled before the identifiers of platforms had a table of their own gets it filled.
async fn identifiers_are_found_in_older_databases(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let gone = release("gone").listed("steam", "7", &[]).make();
    let rus = [
        release("bare").make(),
        release("game").listed("steam", "440", &["440", "441", "x\"'y"]).listed("epic", "e", &[]).make(),
        release("other").listed("steam", "440", &["442"]).on("epic", Some(3), &[]).make(),
        release("game").listed("steam", "443", &[]).make(),
        gone.clone(),
    ];
    store.merge_rus(&rus, &actor()).await.unwrap();
    store.delete_ru(&gone.id, Expect::Anything, &actor()).await.unwrap();
    let (steam, epic) = ("steam".parse().unwrap(), "epic".parse().unwrap());
    let ids: Vec<String> =
        ["440", "441", "442", "443", "7", "e", "epic-1", "x\"'y"].map(str::to_owned).into();
    let answers = async |store: &dyn traffix_store::Store| {
        let mut due = store.due_listings(&steam, day(0), 99).await.unwrap();
        due.extend(store.due_listings(&epic, day(0), 99).await.unwrap());
        (
            store.rus_by_external_id(&steam, &ids).await.unwrap(),
            store.rus_by_external_id(&epic, &ids).await.unwrap(),
            due,
        )
    };
    let before = answers(&*store).await;
    assert_eq!((before.0.len(), before.1.len(), before.2.len()), (5, 2, 3));
    drop(store);
    migrate_down(&db.url, 3).await.unwrap();
    migrate_up(&db.url).await.unwrap();
    assert_eq!(answers(&*db.open().await).await, before);
}

//! Down undoes up.

use sqlx::Connection as _;
use traffix_store::{Expect, StoreError, migrate_down, migrate_status, migrate_up};

use crate::support::rus::{actor, release};
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

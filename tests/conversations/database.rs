//! An app as many are: a database that takes its time, a web app that ends until it answers, and a migration
//! that ends until it does, too. Its chart stays as it is.

use anyhow::Context;
use checks::cookbook::configuration;
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job};
use kube::Api;
use tests::converse;

use crate::chart::{chart_folder, files, pull_request_with, with_charts_of_repositories};

#[test]
fn an_app_with_a_database_and_a_migration_shows_what_the_migration_has_written() {
    converse(with_charts_of_repositories(), async |chat| {
        // No registry can be reached from here: the commit's image, which holds Python, is the database's
        // as well.
        let recipe = configuration("A database and a migration");
        chat.configure(&format!("{recipe}  database: {{ image: \"{{image}}\" }}\n"))
            .await?;
        let chart = chart_folder("guestbook");
        let pull = pull_request_with(chat, files(&chart, "deploy/chart")?).await?;

        let preview = pull.previewed().await?;

        assert_eq!(preview.open("/").await?.body, "Guestbook\nthe first entry, by the migration");
        let (namespace, release) = (preview.namespace_name().await?, preview.id.release());
        let migrations: Api<Job> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        let migration = migrations.get(&format!("{release}-migration")).await?.status;
        assert_eq!(migration.context("it has run")?.succeeded, Some(1));
        let databases: Api<StatefulSet> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        let database = databases.get(&format!("{release}-db")).await?.status;
        assert_eq!(database.context("it runs")?.ready_replicas, Some(1));
        preview.stop().await
    });
}

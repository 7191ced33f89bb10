{{ config(materialized='view', pre_hook=before_begin("insert into dbt.log values ('outside')"), post_hook=after_commit("insert into dbt.log values ('after')")) }}
select n from {{ ref('a') }}

{{ config(materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='at', batch_size='day', begin='2024-01-01', concurrent_batches=false,
    pre_hook=["insert into raw.log (text) values ('before {{ this.name }}')", {"sql": "insert into raw.log (text) values ('before, outside')", "transaction": false}],
    post_hook=["insert into raw.log (text) select 'behind, ' || count(*) from {{ this }}", {"sql": "insert into raw.log (text) values ('behind, outside')", "transaction": false}]) }}
select id, at, 10 / v as v from {{ source('raw', 'events') }}

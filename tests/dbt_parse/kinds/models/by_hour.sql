{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', batch_size='hour', begin='2024-01-01 12:30') }}
select now() as at

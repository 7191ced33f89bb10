{{ config(materialized='table', post_hook=[
  "insert into {{ target.schema }}.log select 'post a ' || count(*) from {{ this }}",
  {'sql': "analyze {{ this }}", 'transaction': false},
  "{% if false %} never {% endif %}",
  "create index if not exists a_n on {{ this }} (n)"]) }}
select n from generate_series(1, 4) n

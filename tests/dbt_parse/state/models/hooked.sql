{{ config(post_hook='select 2') }} select 1 as id

{{ config(materialized=('view' if var('round') == 1 else 'materialized_view')) }} select 1 as one




{%- set moment = modules.datetime.datetime(1997, 9, 29, 6, 14, tzinfo=modules.pytz.timezone('America/Los_Angeles')) %}

select 1 as id, '{{ moment }}' as local_mean_time

{# Dates and times as SQL expressions, and series of them. The printed white space matters (see expressions.sql). #}

{% macro date(year, month, day) %}{% do return(adapter.dispatch('date', 'dbt')(year, month, day)) %}{% endmacro %}
{% macro default__date(year, month, day) %}
  {%- do return("to_date('" ~ modules.datetime.date(year, month, day).strftime('%Y-%m-%d') ~ "', 'YYYY-MM-DD')") %}
{% endmacro %}

{% macro date_trunc(datepart, date) %}{% do return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) %}{% endmacro %}
{% macro default__date_trunc(datepart, date) %}{% do return("date_trunc('" ~ datepart ~ "', " ~ date ~ ")") %}{% endmacro %}

{% macro dateadd(datepart, interval, from_date_or_timestamp) %}{% do return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) %}{% endmacro %}
{% macro default__dateadd(datepart, interval, from_date_or_timestamp) %}
  {% do exceptions.raise_not_implemented('dateadd macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{% macro datediff(first_date, second_date, datepart) %}{% do return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) %}{% endmacro %}
{% macro default__datediff(first_date, second_date, datepart) %}
  {% do exceptions.raise_not_implemented('datediff macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{# The last day of the period that `date` is in: the day before the next period begins. #}
{% macro last_day(date, datepart) %}{% do return(adapter.dispatch('last_day', 'dbt')(date, datepart)) %}{% endmacro %}
{% macro default_last_day(date, datepart) -%}
    cast(
        {{ dateadd('day', '-1',
        dateadd(datepart, '1', date_trunc(datepart, date))
        ) }}
        as date)
{%- endmacro %}
{% macro default__last_day(date, datepart) %}{% do return(default_last_day(date, datepart)) %}{% endmacro %}

{# -- series -- #}

{# The smallest n with 2^n >= upper_bound; at least 1. #}
{% macro get_powers_of_two(upper_bound) %}{% do return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) %}{% endmacro %}
{% macro default__get_powers_of_two(upper_bound) %}
  {% if upper_bound <= 0 %}{% do exceptions.raise_compiler_error('upper bound must be positive') %}{% endif %}
  {% for power in range(1, 100) if 2 ** power >= upper_bound %}
    {% do return(power) %}
  {% endfor %}
{% endmacro %}

{# 1 to upper_bound, as a select that a CTE can hold. #}
{% macro generate_series(upper_bound) %}{% do return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) %}{% endmacro %}
{% macro default__generate_series(upper_bound) %}

    {% set bits = get_powers_of_two(upper_bound) %}

    with p as (
        select 0 as generated_number union all select 1
    ), unioned as (

    select

    {% for bit in range(bits) %}
    p{{ bit }}.generated_number * power(2, {{ bit }})
    {% if not loop.last %} + {% endif %}
    {% endfor %}
    + 1
    as generated_number

    from

    {% for bit in range(bits) %}
    p as p{{ bit }}
    {% if not loop.last %} cross join {% endif %}
    {% endfor %}

    )

    select *
    from unioned
    where generated_number <= {{ upper_bound }}
    order by generated_number

{% endmacro %}

{% macro get_intervals_between(start_date, end_date, datepart) %}{% do return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) %}{% endmacro %}
{% macro default__get_intervals_between(start_date, end_date, datepart) %}
  {% call statement('get_intervals_between', fetch_result=True) %}
    select {{ datediff(start_date, end_date, datepart) }}
  {% endcall %}
  {% set answer = load_result('get_intervals_between') %}
  {% do return(answer['data'][0][0] if answer and answer['data'] else 1) %}
{% endmacro %}

{# One row per `datepart` from start_date up to and with end_date: date_spine('day', "'2024-01-01'::date", 'current_date'). #}
{% macro date_spine(datepart, start_date, end_date) %}{% do return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) %}{% endmacro %}
{% macro default__date_spine(datepart, start_date, end_date) %}


    {{ '' }}


    with rawdata as (

        {{ generate_series(
            get_intervals_between(start_date, end_date, datepart)
        ) }}

    ),

    all_periods as (

        select (
            {{ dateadd(datepart, 'row_number() over (order by 1) - 1', start_date) }}
        ) as date_{{ datepart }}
        from rawdata

    ),

    filtered as (

        select *
        from all_periods
        where date_{{ datepart }} <= {{ end_date }}

    )

    select * from filtered

{% endmacro %}

{# -- now -- #}

{% macro current_timestamp() %}{{ adapter.dispatch('current_timestamp', 'dbt')() }}{% endmacro %}
{% macro default__current_timestamp() %}
  {% do exceptions.raise_not_implemented('current_timestamp macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{# What a snapshot takes for the time of a change that its source does not date. #}
{% macro snapshot_get_time() %}{{ adapter.dispatch('snapshot_get_time', 'dbt')() }}{% endmacro %}
{% macro default__snapshot_get_time() %}{{ current_timestamp() }}{% endmacro %}
{% macro get_snapshot_get_time_data_type() %}
  {% set columns = get_column_schema_from_query('select ' ~ snapshot_get_time() ~ ' as dbt_snapshot_time') %}
  {% do return(columns[0].dtype or none) %}
{% endmacro %}

{% macro current_timestamp_backcompat() %}{% do return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) %}{% endmacro %}
{% macro default__current_timestamp_backcompat() %}
    current_timestamp::timestamp
{% endmacro %}
{% macro current_timestamp_in_utc_backcompat() %}{% do return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) %}{% endmacro %}
{% macro default__current_timestamp_in_utc_backcompat() %}{% do return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) %}{% endmacro %}

{# -- Python's dates: ranges given as text -- #}

{% macro convert_datetime(date_str, date_fmt) %}
  {% set complaint = "The provided partition date '" ~ date_str ~ "' does not match the expected format '" ~ date_fmt ~ "'" %}
  {% do return(try_or_compiler_error(complaint, modules.datetime.datetime.strptime, date_str.strip(), date_fmt)) %}
{% endmacro %}

{% macro dates_in_range(start_date_str, end_date_str=none, in_fmt="%Y%m%d", out_fmt="%Y%m%d") %}
  {% set first = convert_datetime(start_date_str, in_fmt) %}
  {% set last = first if end_date_str is none else convert_datetime(end_date_str, in_fmt) %}
  {% if last < first %}
    {% do exceptions.raise_compiler_error('Partition start date is after the end date (' ~ first ~ ', ' ~ last ~ ')', model) %}
  {% endif %}
  {% set dates = [] %}
  {% for n in range((last - first).days + 1) %}
    {% set day = first + modules.datetime.timedelta(days=n) %}
    {% do dates.append(day.strftime(out_fmt) if out_fmt else day) %}
  {% endfor %}
  {% do return(dates) %}
{% endmacro %}

{% macro partition_range(raw_partition_date, date_fmt='%Y%m%d') %}
  {% set ends = (raw_partition_date | string).split(',') %}
  {% if ends | length > 2 %}
    {% do exceptions.raise_compiler_error('Invalid partition time. Expected format: {Start Date}[,{End Date}]. Got: ' ~ raw_partition_date) %}
  {% endif %}
  {% do return(dates_in_range(ends[0], ends[1] if ends | length == 2 else none, in_fmt=date_fmt)) %}
{% endmacro %}

{% macro py_current_timestring() %}{% do return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) %}{% endmacro %}

{{ config(alias='other name', tags=['special']) }}
{%- set names = ['a', 'b'] %}
select {% for n in names -%} {{ loop.index }} as {{ n }}{{ "," if not loop.last }} {% endfor %} , {{ names | length }} as "Count"

"""Templates as dbt projects have them, rendered by weir and by Jinja2 itself in one process each.

The texts of the two must be equal. Jinja2 is Debian's python3-jinja2, its sandbox as dbt uses it; its time is that of its own process.
"""
import os
import subprocess
import tempfile

from harness import process
from harness.report import Report

JINJA2 = '''
import sys, time
import jinja2.sandbox
source, times = open(sys.argv[1]).read(), int(sys.argv[2])
environment = jinja2.sandbox.SandboxedEnvironment(extensions=['jinja2.ext.do', 'jinja2.ext.loopcontrols'])
begin = time.perf_counter()
for _ in range(times):
    template = environment.from_string(source)
middle = time.perf_counter()
for _ in range(times):
    text = template.render()
end = time.perf_counter()
sys.stderr.write(text)
print(middle - begin, end - middle)
'''

TEMPLATES = {
    'a model: config and refs': (200, '''{% macro ref(name) %}"shop"."dbt"."{{ name }}"{% endmacro %}{% macro config(materialized, tags) %}{% endmacro %}
{{ config(materialized='table', tags=['a', 'b']) }}
with orders as (select * from {{ ref('stg_orders') }}), customers as (select * from {{ ref('stg_customers') }})
select o.id, o.amount, c.name from orders o join customers c on c.id = o.customer_id
{% if true %}where o.created_at >= '2024-01-01'{% endif %}
'''),
    'a pivot: loops and filters': (100, '''{% set methods = ['bank_transfer', 'coupon', 'credit_card', 'gift_card'] %}
{% set months = range(1, 13) | list %}
select customer_id{% for m in months %}{% for p in methods %},
  sum(case when month = {{ m }} and method = '{{ p }}' then amount else 0 end) as {{ p | replace('_', '') | upper }}_{{ '%02d' % m }}{% endfor %}{% endfor %}
from payments group by 1
'''),
    'macros that call macros': (50, '''{% macro key(fields) %}{% set parts = [] %}{% for f in fields %}{% do parts.append("coalesce(cast(" ~ f ~ " as text), '_')") %}
{%- if not loop.last %}{% do parts.append("'-'") %}{% endif %}{% endfor %}md5({{ parts | join(' || ') }}){% endmacro %}
{% macro cents(column, places=2) %}round({{ column }} / 100.0, {{ places }}){% endmacro %}
{% macro union_of(names) %}{% for n in names %}select {{ key(['id', 'name', n]) }} as sk, {{ cents('amount') }} as amount, {{ caller(n) }} from {{ n }}
{%- if not loop.last %} union all {% endif %}{% endfor %}{% endmacro %}
{% call(n) union_of(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) %}'{{ n | title }}' as source, {{ cents(n ~ '.total', places=4) }}{% endcall %}
'''),
    'dictionaries, sorting, attributes': (50, '''{% set rows = [] %}{% for i in range(60) %}{% do rows.append({'name': 'c' ~ (i * 7 % 60), 'type': 'text' if i % 3 else 'int', 'n': i}) %}{% endfor %}
{% for type, group in rows | groupby('type') %}{{ type }}: {% for r in group | sort(attribute='name') %}{{ r.name }}={{ r.n }};{% endfor %}
{% endfor %}{% set ns = namespace(total=0) %}{% for r in rows if r.n is odd %}{% set ns.total = ns.total + r.n %}{% endfor %}{{ ns.total }}
{{ rows | map(attribute='name') | unique | list | length }} {{ rows | selectattr('type', 'equalto', 'int') | map(attribute='n') | sum }}
'''),
    'plain SQL, 400 lines': (100, 'select 1 as id, \'a text\' as name, 2.5 as amount, now() as at -- and a comment\n' * 400 + '{{ 1 }}\n'),
}


def measure(options):
    report = Report('jinja', 'templates as dbt projects have them, beside Jinja2', options)
    report.text(f'{options.runs} runs after a warm-up; each parses and renders one template many times in one process. Medians, '
                'microseconds a template; ratio: Jinja2 to weir. Jinja2 compiles a template to Python where weir makes a tree.')
    rows = []
    with tempfile.TemporaryDirectory(prefix='weir-bench-jinja-') as folder:
        script = os.path.join(folder, 'jinja2_bench.py')
        with open(script, 'w') as file:
            file.write(JINJA2)
        for number, (name, (times, source)) in enumerate(TEMPLATES.items()):
            path = os.path.join(folder, f'{number}.sql')
            with open(path, 'w') as file:
                file.write(source)
            rows.append(_one(options, report, name, times if not options.smoke else 2, path, script))
    report.table(['template', 'parse: weir', 'Jinja2', 'ratio', 'render: weir', 'Jinja2', 'ratio'], rows)
    return report


def _one(options, report, name, times, path, script):
    program = os.path.join(options.bin, 'weir-bench-jinja')
    weir = [_seconds([program, path, str(times)]) for _ in range(options.runs + 1)]
    try:
        jinja2 = [_seconds(['/usr/bin/python3', script, path, str(times)]) for _ in range(options.runs + 1)]
    except process.Failed as failure:
        return [name, '', f'cannot run: {failure.line}', '', '', '', '']
    if weir[0][0] != jinja2[0][0]:
        report.must_not_be(f'"{name}" is rendered in another way than by Jinja2')
    cells = [name]
    for part in (1, 2):
        ours, theirs = (_median([one[part] for one in runs[1:]]) / times * 1e6 for runs in (weir, jinja2))
        cells += [f'{ours:.1f}', f'{theirs:.1f}', f'{theirs / ours:.1f}']
    return cells


def _seconds(command):
    """The text, and the seconds of parsing and of rendering."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise process.Failed(command[0], process.last_line(done.stderr))
    parsing, rendering = done.stdout.split()
    return done.stderr, float(parsing), float(rendering)


def _median(values):
    return sorted(values)[len(values) // 2]

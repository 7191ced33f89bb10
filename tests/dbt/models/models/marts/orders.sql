-- a comment with a ; and 'quotes'
with recent as (
  select * from {{ ref('hidden_twice') }}
)
select recent.id, h.label, {{ shout('x') }} as shouted, '{{ this }}' as me, '{{ target.name }}' as target,
  '{{ var("word") }}' as word, '{{ env_var("WEIR_X", "none") }}' as env, '{{ model.name }}' as name
from recent join {{ ref('hidden') }} h on h.id * 10 = recent.id

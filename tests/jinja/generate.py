"""Templates at random: expressions over a fixed context, statements around them. The same seed gives the same templates."""
import random

CONTEXT = {
    's': 'Hello World', 'e': '', 'u': 'Stra\u00dfe', 'n': 5, 'z': 0, 'neg': -7, 'f': 2.5, 't': True, 'no': None,
    'l': [3, 1, 2], 'w': ['b', 'A', 'c'], 'd': {'a': 1, 'b': [1, 2], 'c': {'x': 'y'}}, 'tp': {'!': 'tuple', 'v': [1, 'a', None]},
    'rows': [{'n': 'x', 'v': 2}, {'n': 'y', 'v': 1}], 'big': {'!': 'int', 'v': '12345678901234567890'},
    'dec': {'!': 'decimal', 'v': '12.50'},
}
NAMES = list(CONTEXT) + ['nope']
NUMBERS = ['0', '1', '2', '7', '1.5', '0.1', '-3', '10', '255']
TEXTS = ["''", "'a'", "'b,c'", "'%s'", "' x '", "'Ab1'"]
FILTERS = ['upper', 'lower', 'trim', 'length', 'list', 'first', 'last', 'join', "join('-')", 'int', 'float', 'string', 'sort',
           'unique|list', 'reverse|list', 'sum', 'max', 'min', "default('q')", "replace('a','b')", 'title', 'capitalize', 'abs',
           'round', 'round(1)', 'tojson', "map('string')|list", "select('string')|list", 'e', 'wordcount', 'items|list', 'dictsort',
           "batch(2)|list", "slice(2)|list", 'truncate(6)', 'indent(2)', "attr('a')", 'center(9)', "map('upper')|list"]
TESTS = ['defined', 'none', 'string', 'number', 'mapping', 'iterable', 'sequence', 'odd', 'even', 'true', 'float', 'upper']
METHODS = ['upper()', "split(',')", 'strip()', "replace('l','L')", "startswith('a')", 'keys()|list', 'values()|list', "get('a')",
           "find('o')", "join(['x','y'])", 'title()', "count('l')", 'isdigit()', 'zfill(8)', "partition(' ')", "index(1)"]
BINARY = ['+', '-', '*', '/', '//', '%', '~', '==', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'and', 'or']


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def atom(self, names):
        return self.pick([lambda: self.pick(names), lambda: self.pick(names), lambda: self.pick(NUMBERS), lambda: self.pick(TEXTS),
                          lambda: self.pick(['true', 'none', '[]', '{}', '(range(4)|list)'])])()

    def expression(self, names, depth):
        if depth <= 0:
            return self.atom(names)
        sub = lambda: self.expression(names, depth - 1)
        return self.pick([
            lambda: self.atom(names),
            lambda: f'({sub()} {self.pick(BINARY)} {sub()})',
            lambda: f'({sub()} {self.pick(BINARY)} {sub()})',
            lambda: f'({sub()})|{self.pick(FILTERS)}',
            lambda: f'({sub()}|{self.pick(FILTERS)})',
            lambda: f'({sub()} is {self.pick(["", "not "])}{self.pick(TESTS)})',
            lambda: f'({sub()}).{self.pick(METHODS)}',
            lambda: f'[{sub()}, {sub()}]',
            lambda: f'({sub()}, {sub()})',
            lambda: f'{{{self.pick(TEXTS)}: {sub()}}}',
            lambda: f'({sub()} if {sub()} else {sub()})',
            lambda: f'({sub()} if {sub()})',
            lambda: f'(not {sub()})',
            lambda: f'(-{sub()})',
            lambda: f'{self.pick(names)}[{self.pick(["0", "-1", "1:", ":2", "::-1", "9", self.pick(TEXTS)])}]',
            lambda: f'({sub()}).{self.pick(["a", "b", "c", "x", "nope"])}',
            lambda: f"'{self.pick(['%s', '%d', '%5.1f', '%r', '%x', 'no'])}' % ({sub()},)",
            lambda: f"'{{{self.pick(['', ':>6', ':.2f', ':d', '!r', ':,'])}}}'.format({sub()})",
        ])()

    def statement(self, names, depth):
        if depth <= 0:
            return '{{ ' + self.expression(names, 2) + ' }}'
        sub = lambda more=(): self.statement(names + list(more), depth - 1)
        expression = lambda: self.expression(names, 1)
        name = self.pick(['a', 'b', 'x', 's', 'n'])
        dash = self.pick(['', '-'])
        return self.pick([
            lambda: f'{{%{dash} if {expression()} %}} {sub()} {{% else {dash}%}} {sub()} {{% endif %}}',
            lambda: f'{{% for {name} in {expression()} {dash}%}} {sub([name])}{{{{ loop.index }}}} {{%{dash} else %}}none{{% endfor %}}',
            lambda: f'{{% for {name} in {expression()} if {expression()} %}}{sub([name])}{{% endfor %}}',
            lambda: f'{{% set {name} = {expression()} %}}{sub([name])}{{{{ {name} }}}}',
            lambda: f'{{% set {name} %}}{sub()}{{% endset %}}{{{{ {name} }}}}{sub([name])}',
            lambda: f'{{% macro m({name}, q={expression()}) %}}{sub([name, "q"])}{{% endmacro %}}{{{{ m({expression()}) }}}}|{{{{ m(q={expression()}) }}}}',
            lambda: f'{{% macro m() %}}<{{{{ caller({expression()}) }}}}>{{% endmacro %}}{{% call({name}) m() %}}{sub([name])}{{% endcall %}}',
            lambda: f'{{% with {name} = {expression()} %}}{sub([name])}{{% endwith %}}{{{{ {name} }}}}',
            lambda: f'{{% filter {self.pick(["upper", "trim", "title"])} %}}{sub()}{{% endfilter %}}',
            lambda: f'{{% set ns = namespace(v={expression()}) %}}{{% for i in range(2) %}}{{% set ns.v = {expression()} %}}{{% endfor %}}{{{{ ns.v }}}}',
            lambda: f'{sub()} {sub()}',
        ])()


def cases(seed, count):
    generator = Generator(seed)
    for number in range(count):
        depth = number % 4
        template = generator.statement(NAMES, depth) if depth else '{{ ' + generator.expression(NAMES, 3) + ' }}'
        yield f'generated {seed}:{number}', template, CONTEXT


ZONES = ['UTC', 'Europe/Paris', 'Europe/Dublin', 'America/New_York', 'America/Sao_Paulo', 'America/St_Johns', 'Asia/Kolkata', 'Asia/Tehran',
         'Africa/Casablanca', 'Africa/Monrovia', 'Australia/Lord_Howe', 'Antarctica/Troll', 'Pacific/Apia', 'Pacific/Kiritimati', 'Etc/GMT+5', 'EST']


def times(seed, count):
    """Local times in zones of pytz, those that are skipped and that come twice among them."""
    chance = random.Random(seed)
    for number in range(count):
        year = chance.choice([chance.randint(1902, 2036), chance.randint(1990, 2030)])
        moment = f'{year}, {chance.randint(1, 12)}, {chance.randint(1, 28)}, {chance.randint(0, 23)}, {chance.choice([0, 15, 30, 59])}'
        template = (f"{{% set z = modules.pytz.timezone('{chance.choice(ZONES)}') %}}{{% set a = modules.datetime.datetime({moment}) %}}"
                    f"{{% set l = z.localize(a, is_dst={chance.choice(['True', 'False', 'None'])}) %}}"
                    '{% set u = modules.pytz.utc.localize(a).astimezone(z) %}'
                    "{{ l }} {{ l.dst() }} {{ l.strftime('%Z %z') }} {{ z.normalize(l) }} {{ u }} {{ u.dst() }} {{ l - u }} {{ l < u }}")
        yield f'times:{seed}:{number}', template, {'modules': {'!': 'modules'}}

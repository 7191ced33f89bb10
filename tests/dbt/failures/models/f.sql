{{ exceptions.raise_compiler_error('said no') if execute }} select 1

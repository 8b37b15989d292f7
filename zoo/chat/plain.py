"""The chat template of a model made from random weights: a token for each role, and one that ends a turn."""

from __future__ import annotations

from zoo.data.conversations import ROLES

ROLE_TOKENS = tuple(f"<|{role}|>" for role in ROLES)
PLAIN_TEMPLATE = """\
{{ bos_token }}
{%- for message in messages -%}
    {{ '<|' + message['role'] + '|>' }}
    {%- if message['role'] == 'assistant' -%}
        {% generation %}{{ message['content'] + eos_token }}{% endgeneration %}
    {%- else -%}
        {{ message['content'] + eos_token }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}
"""

"""Write the policies into the template: `python -m infrastructure`, after a change to infrastructure.template_text."""

from infrastructure.template_text import TEMPLATE, with_policies

TEMPLATE.write_text(with_policies(TEMPLATE.read_text()))

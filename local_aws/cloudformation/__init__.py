"""
CloudFormation: stacks whose resources are made as CloudFormation makes them, by calls of the services' own APIs.

moto's CloudFormation leaves out what it does not know of a resource, such as a bucket's lifecycle, and says nothing.
"""

"""A full characterisation night, under construction."""


def main(night, parameters):
    pass

"""What names stand for as pictures: image files, folders of them, and files that hold many.

A file that holds many pictures is a module here with `read(path) -> {place: Item}`, and a row of
`aecli.datasets.containers.CONTAINERS`. Its pictures are called `FILE::PLACE`.
"""

"""Which learning rate, for how long, and what to conclude.

The room is called `scanning` because `lrscope.scan` is the public function.
"""

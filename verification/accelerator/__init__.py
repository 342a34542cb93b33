"""What a machine with a GPU or TPU is asked in the little time that it is at hand.

    python -m verification.accelerator --minutes=9 --output=results --data=cifar10=folder:cifar10

`jobs` lists what is done, in order of value; `runner` does it in processes of its own, as far as the time goes; each other
module is one of the jobs. `python -m verification.results --write --accelerator=results` takes in what came back.
"""

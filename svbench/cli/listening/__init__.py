"""The actions of ``svbench listen``, one module each."""

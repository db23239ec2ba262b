"""For a teacher: is this computer fit for the course, and how did the exercises go?

python -m helpers.environment                              # a table of what is fine here and what is not
python -m helpers.classroom grade handed-in -o grades.csv  # a folder of notebooks -> a line for each exercise
"""

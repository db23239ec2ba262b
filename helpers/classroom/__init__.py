"""For a teacher: is this computer fit for the course, how did the exercises go, and what if there is no network?

python -m helpers.environment                              # a table of what is fine here and what is not
python -m helpers.classroom grade handed-in -o grades.csv  # a folder of notebooks -> a line for each exercise
python -m helpers.classroom pack stick                     # all of the course in a folder for a USB stick
"""
